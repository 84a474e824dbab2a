// The fixture of the tests of AddressSpace: an address space of the host that the simulated processor runs with.
#pragma once

#include "arch/user_memory.hpp"
#include "support/user.hpp"

namespace cv6 {

using test::load, test::none, test::read_only, test::read_write, test::store, test::TestFile;
using Place = MapRequest::Place;
using Sharing = Mapping::Sharing;
using Advice = AddressSpace::Advice;

inline constexpr std::uintptr_t somewhere = 0x40000000;

class AddressSpaceTest : public test::MachineTest {
 protected:
  void SetUp() override {
    MachineTest::SetUp();
    space_ = *AddressSpace::create(Ref<GuestMemory>(&GuestMemory::host()));
    test::run_in(space_.get());
  }
  void TearDown() override {
    test::run_in(nullptr);
    space_ = {};
    MachineTest::TearDown();
  }

  Result<std::uintptr_t> map(std::uint64_t pages, Protection protection = read_write,
                             Sharing sharing = Sharing::private_) {
    return space_->map({.length = pages * page_size, .sharing = sharing, .protection = protection});
  }
  Result<std::uintptr_t> map_at(std::uintptr_t address, std::uint64_t pages, Protection protection = read_write,
                                Place place = Place::fixed) {
    return space_->map({.address = address, .length = pages * page_size, .place = place, .protection = protection});
  }
  Result<std::uintptr_t> map_file(Ref<MemoryObject> file, std::uint64_t pages, Sharing sharing,
                                  Protection protection = read_write, std::uint64_t offset = 0) {
    return space_->map(
        {.length = pages * page_size, .sharing = sharing, .protection = protection, .object = file, .offset = offset});
  }
  unsigned mapping_count() {
    AddressSpace::Description description{};
    unsigned count = 0;
    while (space_->describe(description.end, description)) ++count;
    return count;
  }

  Ref<AddressSpace> space_;
};

}  // namespace cv6
