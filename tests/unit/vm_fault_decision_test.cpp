// Every situation a fault can be in, against the rules stated apart.
#include <gtest/gtest.h>

#include "vm/fault_decision.hpp"

namespace cv6 {
namespace {

using Access = arch::Fault::Access;
using Backing = FaultSituation::Backing;
using Entry = FaultSituation::Entry;
using Page = FaultSituation::Page;

template <class Check>
void for_each_situation(Check check) {
  for (Access access : {Access::read, Access::write, Access::execute})
    for (int bits = 0; bits < 8; ++bits)
      for (Backing backing : {Backing::anonymous, Backing::private_object, Backing::shared_object})
        for (Entry entry : {Entry::empty, Entry::read_only, Entry::writable})
          for (Page page : {Page::none, Page::zero, Page::exclusive, Page::shared}) {
            if ((entry == Entry::empty) != (page == Page::none)) continue;
            const Protection protection{.read = (bits & 1) != 0, .write = (bits & 2) != 0, .execute = (bits & 4) != 0};
            check(FaultSituation{access, protection, backing, entry, page});
          }
}

TEST(FaultDecision, RefusesExactlyWhatTheMappingDoesNotAllow) {
  for_each_situation([](const FaultSituation& now) {
    const bool allowed = now.access == Access::write     ? now.protection.write
                         : now.access == Access::execute ? now.protection.execute
                                                         : !now.protection.none();
    EXPECT_EQ(decide(now) == FaultAction::refuse, !allowed);
  });
}

TEST(FaultDecision, NothingIsWrittenThatOthersSee) {
  for_each_situation([](const FaultSituation& now) {
    const FaultAction action = decide(now);
    if (action == FaultAction::allow_writing) {
      EXPECT_EQ(now.page, Page::exclusive);
      EXPECT_NE(now.backing, Backing::shared_object);
    }
    if (action == FaultAction::map_object_writable) EXPECT_EQ(now.backing, Backing::shared_object);
  });
}

TEST(FaultDecision, ReadingNeverCopies) {
  for_each_situation([](const FaultSituation& now) {
    if (now.access == Access::write) return;
    switch (decide(now)) {
      case FaultAction::map_fresh:
      case FaultAction::copy_object:
      case FaultAction::copy_page:
      case FaultAction::map_object_writable:
      case FaultAction::allow_writing:
        ADD_FAILURE();
        break;
      default:
        break;
    }
  });
}

TEST(FaultDecision, AWriteThatIsAllowedCanBeMadeAfterwards) {
  for_each_situation([](const FaultSituation& now) {
    if (now.access != Access::write || !now.protection.write) return;
    switch (decide(now)) {
      case FaultAction::map_fresh:
      case FaultAction::copy_object:
      case FaultAction::copy_page:
      case FaultAction::map_object_writable:
      case FaultAction::allow_writing:
        EXPECT_NE(now.entry, Entry::writable);
        break;
      case FaultAction::nothing:
        EXPECT_EQ(now.entry, Entry::writable);
        break;
      default:
        ADD_FAILURE();
        break;
    }
  });
}

}  // namespace
}  // namespace cv6
