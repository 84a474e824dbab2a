// The C++ library over the kernel: file systems, streams, exceptions, time, thread-local objects.

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <map>
#include <memory_resource>
#include <random>
#include <ranges>
#include <regex>
#include <sstream>
#include <thread>
#include <vector>
#if __has_include(<format>)
#include <format>
#endif

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

namespace fs = std::filesystem;

class Cpp : public TempDir {};

TEST_F(Cpp, FilesystemTrees) {
  fs::create_directories("a/b/c/d");
  std::ofstream("a/b/file") << "content";
  fs::create_symlink("b/file", "a/link");
  EXPECT_EQ(fs::file_size("a/link"), 7u);
  EXPECT_TRUE(fs::is_symlink("a/link"));
  EXPECT_EQ(fs::read_symlink("a/link"), "b/file");
  EXPECT_EQ(fs::canonical("a/b/../link"), fs::path(path("a/b/file")));
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator("a")) names.push_back(entry.path().string());
  std::ranges::sort(names);
  EXPECT_EQ(names, (std::vector<std::string>{"a/b", "a/b/c", "a/b/c/d", "a/b/file", "a/link"}));
  EXPECT_EQ(fs::remove_all("a"), 6u);
  EXPECT_FALSE(fs::exists("a"));
}

TEST_F(Cpp, FilesystemCopiesAndRenames) {
  std::ofstream("one") << std::string(100'000, 'x');
  fs::copy_file("one", "two");
  EXPECT_EQ(fs::file_size("two"), 100'000u);
  EXPECT_THROW(fs::copy_file("one", "two"), fs::filesystem_error);
  fs::copy_file("one", "two", fs::copy_options::overwrite_existing);
  fs::rename("two", "three");
  fs::resize_file("three", 10);
  EXPECT_EQ(read_file("three"), "xxxxxxxxxx");
  fs::create_directory("d");
  std::ofstream("d/inner") << "i";
  fs::copy("d", "e", fs::copy_options::recursive);
  EXPECT_EQ(read_file("e/inner"), "i");
  fs::create_hard_link("three", "four");
  EXPECT_EQ(fs::hard_link_count("four"), 2u);
  EXPECT_TRUE(fs::equivalent("three", "four"));
}

TEST_F(Cpp, FilesystemAttributes) {
  std::ofstream("f") << "x";
  fs::permissions("f", fs::perms::owner_read | fs::perms::group_read);
  EXPECT_EQ(fs::status("f").permissions(), fs::perms::owner_read | fs::perms::group_read);
  const auto moment = fs::file_time_type::clock::now() - std::chrono::hours(24);
  fs::last_write_time("f", moment);
  EXPECT_LE(fs::last_write_time("f") - moment, std::chrono::seconds(1));
  EXPECT_GT(fs::space(".").capacity, 0u);
  std::error_code error;
  EXPECT_EQ(fs::file_size("missing", error), static_cast<std::uintmax_t>(-1));
  EXPECT_EQ(error, std::errc::no_such_file_or_directory);
  EXPECT_EQ(fs::current_path(), fs::path(path()));
  EXPECT_EQ(fs::status("/dev/null").type(), fs::file_type::character);
}

TEST_F(Cpp, Streams) {
  {
    std::ofstream out("numbers");
    for (int i = 0; i < 10'000; ++i) out << i << ' ' << i * 0.5 << '\n';
    EXPECT_TRUE(out.good());
  }
  std::ifstream in("numbers");
  int count = 0;
  int integer;
  double half;
  while (in >> integer >> half) {
    EXPECT_EQ(half, integer * 0.5);
    ++count;
  }
  EXPECT_EQ(count, 10'000);
  std::fstream both("numbers", std::ios::in | std::ios::out | std::ios::binary);
  both.seekp(2);
  both << "Z";
  both.seekg(2);
  EXPECT_EQ(both.get(), 'Z');
  std::ifstream missing("missing");
  EXPECT_FALSE(missing.is_open());
  std::ofstream append("numbers", std::ios::app);
  append << "end";
  append.close();
  EXPECT_TRUE(read_file("numbers").ends_with("end"));
}

TEST_F(Cpp, StandardInputAndOutput) {
  Pipe in;
  Pipe out;
  const pid_t pid = spawn([&] {
    dup2(in.read, STDIN_FILENO);
    dup2(out.write, STDOUT_FILENO);
    in.write.close();
    int sum = 0;
    for (int value; std::cin >> value;) sum += value;
    std::cout << "sum " << sum << std::endl;
    return std::cout.good() ? 0 : 1;
  });
  out.write.close();
  EXPECT_EQ(write(in.write, "1 2 3\n4\n", 8), 8);
  in.write.close();
  std::string text(64, 0);
  text.resize(std::max<ssize_t>(0, read(out.read, text.data(), text.size())));
  EXPECT_EQ(text, "sum 10\n");
  EXPECT_TRUE(reap(pid).exited(0));
}

int thrower(int depth) {
  struct Counter {
    explicit Counter(int& value) : count(value) {}
    ~Counter() { ++count; }
    int& count;
  };
  static thread_local int unwound;
  if (depth == 0) throw unwound;
  const Counter counter(unwound);
  return thrower(depth - 1) + 1;
}

TEST_F(Cpp, ExceptionsUnwind) {
  for (int i = 0; i < 100; ++i) EXPECT_THROW(thrower(50), int);
  try {
    throw std::system_error(ENOENT, std::generic_category(), "what");
  } catch (const std::exception& error) {
    EXPECT_NE(std::string(error.what()).find("what"), std::string::npos);
  }
}

TEST_F(Cpp, ExceptionsInManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> caught{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        try {
          thrower(10);
        } catch (int) {
          ++caught;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(caught, 1600);
}

TEST_F(Cpp, ExceptionsAcrossThreads) {
  std::exception_ptr carried;
  std::thread([&] {
    try {
      throw std::out_of_range("carried");
    } catch (...) {
      carried = std::current_exception();
    }
  }).join();
  ASSERT_TRUE(carried);
  EXPECT_THROW(std::rethrow_exception(carried), std::out_of_range);
}

TEST_F(Cpp, UncaughtExceptionAborts) {
  EXPECT_KILLED_BY(SIGABRT, {
    close(STDERR_FILENO);
    std::thread([] { throw 1; }).join();
  });
}

std::atomic<int> destroyed;
struct Local {
  int value = 1;
  ~Local() { destroyed += value; }
};
thread_local Local local;

TEST_F(Cpp, ThreadLocalDestructorsRun) {
  destroyed = 0;
  std::vector<std::thread> threads;
  for (int i = 1; i <= 10; ++i) {
    threads.emplace_back([i] { local.value = i; });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(destroyed, 55);
  std::async(std::launch::async, [] { local.value = 45; }).get();
  EXPECT_EQ(destroyed, 100);
}

TEST_F(Cpp, AtexitAndStaticDestructors) {
  Pipe pipe;
  static int fd;
  fd = pipe.write;
  EXPECT_TRUE(run([&]() -> int {
                struct AtEnd {
                  ~AtEnd() { write(fd, "s", 1); }
                };
                static AtEnd at_end;
                std::atexit([] { write(fd, "a", 1); });
                std::exit(5);
              }).exited(5));
  char text[4] = {};
  EXPECT_EQ(read(pipe.read, text, 2), 2);
  EXPECT_STREQ(text, "as");
}

TEST_F(Cpp, Chrono) {
  using namespace std::chrono;
  const auto start = steady_clock::now();
  std::this_thread::sleep_for(5ms);
  EXPECT_GE(steady_clock::now() - start, 5ms);
  const auto until = system_clock::now() + 5ms;
  std::this_thread::sleep_until(until);
  EXPECT_GE(system_clock::now(), until);
  const auto day = year_month_day{floor<days>(sys_seconds{1'700'000'000s})};
  EXPECT_EQ(day, 2023y / November / 14);
}

TEST_F(Cpp, Format) {
#ifdef __cpp_lib_format
  EXPECT_EQ(std::format("{:>5}|{:#x}|{:.2f}", 42, 255, 1.5), "   42|0xff|1.50");
#else
  GTEST_SKIP() << "this library has no std::format";
#endif
}

TEST_F(Cpp, ContainersAndAlgorithms) {
  std::vector<std::uint64_t> values(300'000);
  std::mt19937_64 random(1);
  std::ranges::generate(values, random);
  auto sorted = values;
  std::ranges::sort(sorted);
  EXPECT_TRUE(std::ranges::is_sorted(sorted));
  std::map<std::uint64_t, int> counts;
  for (const auto value : values) ++counts[value % 1000];
  int total = 0;
  for (const auto& [key, count] : counts) total += count;
  EXPECT_EQ(total, 300'000);
  std::pmr::unsynchronized_pool_resource pool;
  std::pmr::vector<std::pmr::string> strings(&pool);
  for (int i = 0; i < 10'000; ++i) strings.emplace_back("a string that is longer than the small buffer");
  EXPECT_EQ(strings.size(), 10'000u);
  const std::regex expression("([a-z]+)-([0-9]+)");
  std::smatch match;
  const std::string text = "see abc-123 there";
  ASSERT_TRUE(std::regex_search(text, match, expression));
  EXPECT_EQ(match[2], "123");
}

TEST_F(Cpp, LargeAllocations) {
  for (int round = 0; round < 10; ++round) {
    std::vector<char> large(20 << 20, static_cast<char>(round));
    EXPECT_EQ(large.back(), round);
  }
  const volatile std::size_t too_large = std::size_t{1} << 62;
  std::vector<char> never;
  EXPECT_THROW(never.resize(too_large), std::bad_alloc);
}

TEST_F(Cpp, RandomDevice) {
  std::random_device device;
  std::vector<unsigned> values;
  for (int i = 0; i < 20; ++i) values.push_back(device());
  std::ranges::sort(values);
  EXPECT_GT(std::ranges::unique(values).begin() - values.begin(), 10);
}

}  // namespace
}  // namespace cv6::guest
