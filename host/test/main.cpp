// cv6-test: runs the suites of tests/ and ends with one line, `N passed, N failed`.
//
//   unit, host   GoogleTest programs for this computer, with sanitizers (debug build)
//   guest        the guest test program, first on this computer's Linux, then in cv6: release build on 1 processor,
//                debug build, with all its checks, on 4; what races, also on 8
//   xv6          the test program of the xv6 ABI, itself an xv6 program, in cv6: release on 1 processor, debug on 4, and there
//                in a container made for such programs as well; what many processes do at once also on 8
//   system       whole machines, driven as a person drives them
//   fuzz         parsers of untrusted bytes (tests/fuzz), some seconds each; and system calls with all kinds of arguments,
//                made in containers (tests/calls): release build and debug build on 4 processors. --seed and --seconds say
//                which and how long
//   stress       only when it is named, for it takes half an hour: Debian's stress-ng and trinity, in containers of cv6
//                (tests/stress): release build and debug build on 4 processors
//   soak         only when it is named, for it takes hours: guest tests of what is done again and again, 10,000 times; all guest
//                tests while allocations fail by chance, and, from 20 seeds on 8 processors, while processors and threads
//                hesitate by chance; system calls for ten minutes, from a seed that it chooses and prints; and stress
// tests.list of each build (cmake/TestList.cmake) says which programs there are.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <print>
#include <random>
#include <sstream>

#include "common/files.hpp"
#include "common/packages.hpp"
#include "test/call_fuzzer.hpp"
#include "test/google_tests.hpp"
#include "test/guest_tests.hpp"
#include "test/xv6_tests.hpp"

namespace cv6::host {
namespace {

namespace fs = std::filesystem;

constexpr std::array suites = {"unit", "host", "guest", "xv6", "system", "fuzz", "stress", "soak"};
constexpr char races[] = "*Race*:*UnderLoad*";
constexpr unsigned parser_seconds = 8;  // for each parser
constexpr unsigned call_seconds = 30, soak_call_seconds = 300;  // on each build
constexpr std::uint64_t jitter_seeds = 20;

// stress-ng and trinity, and all libraries that they are linked with.
const std::vector<std::string> stress_packages = {
    "stress-ng",      "trinity",   "libc6",   "libgcc-s1",          "libapparmor1", "libbsd0",
    "libmd0",         "libcrypt1", "libegl1", "libglvnd0",          "libgles2",     "libgbm1",
    "libdrm2",        "libexpat1", "libffi8", "libwayland-server0", "libipsec-mb1", "libjpeg62-turbo",
    "libjudydebian1", "libkmod2",  "libssl3", "liblzma5",           "libzstd1",     "libsctp1",
    "libxxhash0",     "zlib1g"};

struct Choice {
  std::vector<std::string> suites;
  std::string filter;
  std::optional<std::uint64_t> seed;
  std::optional<unsigned> seconds;

  [[nodiscard]] bool has(std::string_view suite) const {
    if (suites.empty()) return suite != "soak" && suite != "stress";
    return std::ranges::contains(suites, suite) || (suite == "stress" && has("soak"));
  }
};

using Programs = std::multimap<std::string, std::string>;  // suite -> path

Outcome<Programs> programs_of(const fs::path& build) {
  std::istringstream lines(CV6_TRY(read_text(build / "tests.list")));
  Programs programs;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t tab = line.find('\t');
    if (tab != std::string::npos) programs.emplace(line.substr(0, tab), line.substr(tab + 1));
  }
  return programs;
}

class Driver {
 public:
  Driver(fs::path release, fs::path debug, Choice choice)
      : release_(std::move(release)), debug_(std::move(debug)), choice_(std::move(choice)) {}

  Outcome<int> run() {
    const Programs released = CV6_TRY(programs_of(release_));
    const Programs debugged = CV6_TRY(programs_of(debug_));
    host_suite("unit", debugged, "--gtest_filter=" + choice_.filter);
    host_suite("host", debugged, "--gtest_filter=" + choice_.filter);
    for (auto [at, end] = released.equal_range("guest"); at != end; ++at) {
      if (choice_.has("guest")) guest_suite(at->second);
      if (choice_.has("soak")) soak_suite(at->second);
    }
    if (choice_.has("xv6"))
      for (auto [at, end] = released.equal_range("xv6"); at != end; ++at) xv6_suite(at->second);
    if (choice_.has("stress"))
      for (auto [at, end] = released.equal_range("stress"); at != end; ++at) stress_suite(at->second);
    host_suite("system", released, "--gtest_filter=" + choice_.filter);
    if (choice_.filter.empty()) {
      host_suite("fuzz", debugged, std::format("-max_total_time={}", parser_seconds));
      if (choice_.has("fuzz")) call_suite(released, choice_.seed.value_or(1), call_seconds);
      if (choice_.has("soak")) call_suite(released, choice_.seed.value_or(std::random_device()()), soak_call_seconds);
    }
    tally_.summarize();
    return tally_.failed() == 0 ? 0 : 1;
  }

 private:
  void host_suite(const std::string& suite, const Programs& programs, const std::string& argument) {
    if (!choice_.has(suite)) return;
    for (auto [at, end] = programs.equal_range(suite); at != end; ++at) {
      std::vector<std::string> command = {at->second};
      if (!argument.ends_with('=')) command.push_back(argument);
      run_google_tests(std::format("{}: {}", suite, fs::path(at->second).filename().string()), command, tally_);
    }
  }

  void guest_suite(const std::string& program) {
    run_guest_tests({"guest: on Linux", program, {program}, choice_.filter}, tally_);
    run_in_cv6(program, {.build = "release", .processors = 1, .filter = choice_.filter});
    run_in_cv6(program, {.build = "debug", .processors = 4, .filter = choice_.filter});
    if (choice_.filter.empty()) run_in_cv6(program, {.build = "debug", .processors = 8, .filter = races, .jitter = 1});
  }

  void soak_suite(const std::string& program) {
    const std::string filter = choice_.filter.empty() ? std::format("{}:*Leak*", races) : choice_.filter;
    const std::vector<std::string> often = {"env", "CV6_SOAK=1"};
    const std::chrono::minutes limit{20};
    const auto soak = [&](InCv6 how) {
      how.suite = "soak";
      run_in_cv6(program, how);
    };
    soak({.build = "release", .processors = 4, .filter = filter, .with = often, .limit = limit});
    soak({.build = "debug", .processors = 8, .filter = filter, .with = often, .limit = limit});
    // Everything while allocations fail (tests/guest/support/isolate.cpp), and while processors and threads hesitate.
    const std::chrono::seconds soon{4};  // what has given up may wait for ever
    for (const char* one_in : {"300", "40"})
      soak({.build = "debug", .processors = 4, .filter = choice_.filter,
            .with = {"env", std::string("CV6_FAIL_ONE_IN=") + one_in}, .limit = soon});
    const std::uint64_t first = choice_.seed.value_or(1);
    for (std::uint64_t seed = first; seed < first + jitter_seeds; ++seed)
      soak({.build = "debug", .processors = 8, .filter = choice_.filter, .limit = limit, .jitter = seed});
  }

  void stress_suite(const std::string& program) {
    const fs::path root = release_ / "debian";
    if (const auto unpacked = unpack_packages(stress_packages, root); !unpacked)
      return std::println("stress: skipped, no stress-ng and trinity: {}", unpacked.error().text);
    std::vector<std::string> additions;
    for (const std::string folder : {"lib", "lib64", "usr/lib", "usr/bin"})
      additions.insert(additions.end(), {"--add", std::format("{}:/{}", (root / folder).string(), folder)});
    const std::chrono::minutes limit{5};
    for (const char* build : {"release", "debug"})
      run_in_cv6(program, {.suite = "stress", .build = build, .processors = 4, .filter = choice_.filter, .limit = limit,
                           .memory = "1G", .additions = additions});
  }

  void xv6_suite(const std::string& program) {
    run_xv6(program, "release", "1", Xv6Place::host, choice_.filter);
    run_xv6(program, "debug", "4", Xv6Place::host, choice_.filter);
    run_xv6(program, "debug", "4", Xv6Place::container, choice_.filter);
    if (choice_.filter.empty()) run_xv6(program, "debug", "8", Xv6Place::host, "Load.*");
  }

  void run_xv6(const std::string& program, const std::string& build, const std::string& processors, Xv6Place place,
               const std::string& filter) {
    const std::string inside = "/xv6/" + fs::path(program).filename().string();
    const std::string_view where = place == Xv6Place::host ? "cv6" : "a container of cv6";
    const std::vector<std::string> prefix = {release_ / "host/run/cv6-run", "--build", build, "--cpus", processors, "--memory",
                                             "512M", "--add", program + ":" + inside, "--"};
    const std::string title = std::format("xv6: in {}, {}, --cpus {}", where, build, processors);
    run_xv6_tests({title, program, prefix, filter}, place, tally_);
  }

  void call_suite(const Programs& programs, std::uint64_t seed, unsigned usual_seconds) {
    const auto named = [&](std::string_view name) {
      const auto [first, last] = programs.equal_range("calls");
      const auto found = std::find_if(first, last, [&](const auto& one) { return one.second.ends_with(name); });
      return found == last ? std::string() : found->second;
    };
    const unsigned seconds = choice_.seconds.value_or(usual_seconds);
    for (const std::string build : {"release", "debug"}) {
      run_call_fuzzer({std::format("fuzz: system calls, {}, --cpus 4", build),
                       {release_ / "host/run/cv6-run", "--build", build, "--cpus", "4", "--memory", "256M", "--add",
                        named("/call-fuzz") + ":/bin/call-fuzz", "--add", named("/call-fuzz-xv6") + ":/bin/call-fuzz-xv6", "--",
                        "/bin/call-fuzz", "--xv6", "/bin/call-fuzz-xv6"},
                       seed,
                       seconds},
                      tally_);
    }
  }

  struct InCv6 {
    std::string suite = "guest";
    std::string build;
    unsigned processors;
    std::string filter;
    std::vector<std::string> with = {};  // the program is an argument to this
    std::chrono::seconds limit{60};
    std::uint64_t jitter = 0;  // the seed of the kernel's jitter; 0: none
    std::string memory = "256M";
    std::vector<std::string> additions = {};  // options of the runner
  };
  void run_in_cv6(const std::string& program, const InCv6& how) {
    const std::string inside = "/bin/" + fs::path(program).filename().string();
    std::vector<std::string> prefix = {release_ / "host/run/cv6-run", "--build", how.build, "--cpus", std::to_string(how.processors),
                                       "--memory", how.memory, "--add", program + ":" + inside};
    prefix.insert(prefix.end(), how.additions.begin(), how.additions.end());
    std::string title = std::format("{}: in cv6, {}, --cpus {}", how.suite, how.build, how.processors);
    if (how.jitter != 0) {
      prefix.insert(prefix.end(), {"--append", std::format("cv6.jitter={}", how.jitter)});
      title += std::format(", jitter {}", how.jitter);
    }
    prefix.push_back("--");
    prefix.insert(prefix.end(), how.with.begin(), how.with.end());
    if (!how.with.empty()) title += ", " + how.with.back();
    prefix.push_back(inside);
    run_guest_tests({title, program, prefix, how.filter, how.limit}, tally_);
  }

  fs::path release_;
  fs::path debug_;
  Choice choice_;
  Tally tally_;
};

int complain(const std::string& what) {
  std::println(stderr, "cv6: {}\nUsage: ./cv6 test [unit|host|guest|xv6|system|fuzz|stress|soak]... [--filter PATTERN] "
               "[--seed N] [--seconds S]", what);
  return 2;
}

}  // namespace
}  // namespace cv6::host

int main(int count, char** arguments) {
  using namespace cv6::host;
  CLI::App app("Runs the tests of cv6; without a suite, all. The last line is `N passed, N failed`.");
  app.name("./cv6 test");
  Choice choice;
  app.add_option("suite", choice.suites, "unit, host, guest, xv6, system, fuzz; or stress or soak, which take long");
  app.add_option("--seed", choice.seed, "fuzz: the system calls that this number stands for")->type_name("N");
  app.add_option("--seconds", choice.seconds, "fuzz: how long system calls are made, on each build")->type_name("S");
  app.add_option("--filter", choice.filter, "only the tests whose Suite.Name matches, as for --gtest_filter")
      ->type_name("PATTERN");
  try {
    app.parse(count, arguments);
  } catch (const CLI::CallForHelp&) {
    std::print("{}", app.help());
    return 0;
  } catch (const CLI::ExtrasError&) {
    return complain(std::format("unknown option or word: {}", app.remaining().front()));
  } catch (const CLI::ParseError& error) {
    return complain(error.what());
  }
  for (const std::string& suite : choice.suites) {
    if (!std::ranges::contains(suites, suite)) return complain(std::format("there is no suite '{}'", suite));
  }
  const char* root = std::getenv("CV6_BUILD_ROOT");
  if (!root) return complain("cv6-test is run by ./cv6 test");
  const Outcome<int> status = Driver(fs::path(root) / "release", fs::path(root) / "debug", std::move(choice)).run();
  if (status) return *status;
  std::println(stderr, "cv6: {}", status.error().text);
  return 1;
}
