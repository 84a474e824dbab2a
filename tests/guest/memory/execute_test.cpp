// Code in mappings, holes in files, mappings under pressure from other calls.

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

class MappedCode : public TempDir {};

// int function() { return N; }
std::string code_returning(unsigned char value) {
  return {"\xb8" + std::string(1, static_cast<char>(value)) + std::string("\0\0\0\xc3", 4)};
}

int call(const Mapping& mapping) { return reinterpret_cast<int (*)()>(mapping.page(0))(); }

TEST_F(MappedCode, RunsFromAFile) {
  write_file("code", code_returning(77));
  Descriptor file = open_file("code", O_RDWR);
  Mapping mapping(page_size, PROT_READ | PROT_EXEC, MAP_PRIVATE, file);
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ(call(mapping), 77);
}

TEST_F(MappedCode, ChangesOfTheFileAreRun) {
  write_file("code", code_returning(1));
  Descriptor file = open_file("code", O_RDWR);
  Mapping mapping(page_size, PROT_READ | PROT_EXEC, MAP_SHARED, file);
  EXPECT_EQ(call(mapping), 1);
  const std::string other = code_returning(2);
  EXPECT_EQ(pwrite(file, other.data(), other.size(), 0), (ssize_t)other.size());
  EXPECT_EQ(call(mapping), 2);
}

TEST_F(MappedCode, WrittenThenProtected) {
  Mapping mapping(page_size);
  for (const unsigned char value : {3, 4}) {
    ASSERT_OK(mprotect(mapping.page(0), page_size, PROT_READ | PROT_WRITE));
    const std::string code = code_returning(value);
    memcpy(mapping.as(), code.data(), code.size());
    ASSERT_OK(mprotect(mapping.page(0), page_size, PROT_READ | PROT_EXEC));
    EXPECT_EQ(call(mapping), value);
  }
}

TEST_F(MappedCode, OneCopyForTwoPlaces) {
  write_file("code", code_returning(9));
  Descriptor file = open_file("code", O_RDWR);
  Mapping writable(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file);
  Mapping executable(page_size, PROT_READ | PROT_EXEC, MAP_SHARED, file);
  EXPECT_EQ(call(executable), 9);
  writable.as()[1] = 10;
  EXPECT_EQ(call(executable), 10);
}

class Holes : public TempDir {};

TEST_F(Holes, ReadAsZeroAndFillOnWrite) {
  Descriptor file = open_file("f", O_RDWR | O_CREAT);
  ASSERT_OK(ftruncate(file, 16 * page_size));
  Mapping shared(16 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file);
  Mapping secret(16 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file);
  EXPECT_EQ(shared.as<volatile char>()[5 * page_size], 0);
  EXPECT_EQ(secret.as<volatile char>()[5 * page_size], 0);
  shared.as<volatile char>()[5 * page_size] = 'h';
  EXPECT_EQ(secret.as<volatile char>()[5 * page_size], 'h');
  char byte = 0;
  EXPECT_EQ(pread(file, &byte, 1, 5 * page_size), 1);
  EXPECT_EQ(byte, 'h');
  secret.as<volatile char>()[6 * page_size] = 'p';
  EXPECT_EQ(pread(file, &byte, 1, 6 * page_size), 1);
  EXPECT_EQ(byte, 0);
}

TEST_F(Holes, PunchedUnderAMapping) {
  write_file("f", std::string(4 * page_size, 'x'));
  Descriptor file = open_file("f", O_RDWR);
  Mapping mapping(4 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file);
  EXPECT_EQ(mapping.as<volatile char>()[page_size], 'x');
  ASSERT_OK(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, page_size, page_size));
  EXPECT_EQ(mapping.as<volatile char>()[page_size], 0);
  EXPECT_EQ(mapping.as<volatile char>()[2 * page_size], 'x');
}

TEST_F(Holes, TruncationWhileOthersTouch) {
  // Two processes write to a shared mapping while the file is cut and grown: SIGBUS is caught, nothing else may happen.
  Descriptor file = open_file("f", O_RDWR | O_CREAT);
  ASSERT_OK(ftruncate(file, 8 * page_size));
  std::vector<pid_t> pids;
  for (int i = 0; i < 2; ++i) {
    pids.push_back(spawn([&] {
      struct sigaction action{};
      action.sa_handler = [](int) { _exit(0); };
      sigaction(SIGBUS, &action, nullptr);
      Mapping mapping(8 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file);
      for (;;) {
        for (int page = 7; page >= 0; --page) *mapping.as<volatile char>(page * page_size) = 1;
      }
      return 1;
    }));
  }
  for (int i = 0; i < 200; ++i) {
    ASSERT_OK(ftruncate(file, (i % 8) * page_size));
    ASSERT_OK(ftruncate(file, 8 * page_size));
  }
  ASSERT_OK(ftruncate(file, 0));
  for (const pid_t pid : pids) EXPECT_TRUE(reap(pid).exited(0));
}

TEST_F(Holes, ConcurrentFaultsOnOneFilePage) {
  write_file("f", std::string(64 * page_size, 'q'));
  Descriptor file = open_file("f", O_RDWR);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        Mapping mapping(64 * page_size, PROT_READ | PROT_WRITE, round % 2 ? MAP_SHARED : MAP_PRIVATE, file);
        for (int page = 0; page < 64; ++page) {
          if (*mapping.as<volatile char>(page * page_size + 7) != 'q') ++wrong;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(Holes, SharedValidateRefusesWhatItCannotDo) {
  Descriptor file = open_file("f", O_RDWR | O_CREAT);
  ASSERT_OK(ftruncate(file, page_size));
  Mapping plain(page_size, PROT_READ, MAP_SHARED_VALIDATE, file);
  EXPECT_TRUE(plain.ok());
  EXPECT_ERRNO(EOPNOTSUPP, mmap(nullptr, page_size, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, file, 0));
}

}  // namespace
}  // namespace cv6::guest
