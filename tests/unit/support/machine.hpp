// The simulated machine with its memory given to the allocator, once for each test program; and the accounts that must
// balance after every test.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>

#include "mm/allocation_failures.hpp"
#include "mm/frame.hpp"
#include "mm/guest_memory.hpp"
#include "mm/object_cache.hpp"

namespace cv6::test {

// Initialises the allocator at the first call.
void start_machine();

// Everything that is counted: live objects of each kind, and the pages that the host's memory is charged.
struct Accounts {
  std::map<std::string, std::uint64_t> objects;
  std::uint64_t pages = 0;
  bool operator==(const Accounts&) const = default;
};
Accounts accounts();

// Fails the test at whose end the accounts are not what they were at its beginning.
class MachineTest : public testing::Test {
 protected:
  void SetUp() override {
    start_machine();
    before_ = accounts();
  }
  void TearDown() override {
    allocation_failures::fail_nth(0);
    const Accounts after = accounts();
    EXPECT_EQ(after.pages, before_.pages) << "pages are still charged";
    for (const auto& [name, live] : after.objects)
      EXPECT_EQ(live, before_.objects.contains(name) ? before_.objects.at(name) : 0) << name;
  }

 private:
  Accounts before_;
};

// Calls attempt() with the first allocation failing, then with the second ..., until one call meets no failure.
template <class Attempt>
void for_each_allocation_failure(Attempt attempt) {
  for (std::uint64_t n = 1;; ++n) {
    ASSERT_LT(n, 100000u);
    allocation_failures::fail_nth(n);
    attempt();
    const bool happened = allocation_failures::happened();
    allocation_failures::fail_nth(0);
    if (!happened || testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace cv6::test
