#include "support/machine.hpp"

#include <cstdio>
#include <cstdlib>

#include "arch/target/simulation.hpp"
#include "lib/panic.hpp"

namespace cv6 {

void panic(std::string_view message, const char* file, int line) {
  std::fprintf(stderr, "panic at %s:%d: %.*s\n", file, line, static_cast<int>(message.size()), message.data());
  std::abort();
}

namespace test {

void start_machine() {
  static const bool started = [] {
    arch::simulation::set_cpu_count(8);
    const frames::Range usable{0, arch::simulation::memory_size};
    const frames::Range reserved{0, arch::simulation::reserved_end};
    if (!frames::initialise(&usable, 1, &reserved, 1)) std::abort();
    return true;
  }();
  (void)started;
}

Accounts accounts() {
  Accounts accounts;
  ObjectCache::for_each(
      [](const ObjectCache::Counts& counts, void* context) {
        static_cast<Accounts*>(context)->objects[std::string(counts.name)] = counts.live;
      },
      &accounts);
  accounts.pages = GuestMemory::host().counters().pages;
  return accounts;
}

}  // namespace test
}  // namespace cv6
