// A program's view of an address space: words that it reads and writes through the simulated processor, faults
// included.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "support/machine.hpp"
#include "vm/address_space.hpp"

namespace cv6::test {

inline constexpr Protection none{}, read_only{.read = true}, read_write{.read = true, .write = true},
    read_execute{.read = true, .execute = true};

// Makes the address space the one that this thread's accesses go to; null: none.
void run_in(AddressSpace* space);

// nullopt and false: the access faulted for good.
std::optional<std::uint64_t> load(std::uintptr_t address);
[[nodiscard]] bool store(std::uintptr_t address, std::uint64_t value);
// What the last fault came to.
FaultOutcome last_fault();

// A file in memory: a page cache, with a size, and whatever twin it is given.
class TestFile : public MemoryObject {
 public:
  static Ref<TestFile> create(std::uint64_t pages, Ref<GuestMemory> owner = Ref<GuestMemory>(&GuestMemory::host()));
  Result<FrameRef> page_for_mapping(std::uint64_t index, Intent intent) override;
  void pages_present(std::uint64_t first, unsigned count, Frame** pages) override;
  PageCache* cache_for_mapping() override { return cache_; }
  void modified_by_mapping() override { ++modified; }
  Label label() override { return {}; }

  // As read(2) and write(2) do.
  std::uint64_t read(std::uint64_t index);
  [[nodiscard]] bool write(std::uint64_t index, std::uint64_t value);
  void truncate(std::uint64_t new_pages);
  // This file shows `other`'s pages until its first write, as a container's view does.
  void show(TestFile& other);
  // From now on this file has pages of its own, equal to those that it showed.
  [[nodiscard]] bool separate();

  PageCache& cache() { return *cache_; }
  std::uint64_t pages;
  std::atomic<unsigned> modified{0};
  std::atomic<unsigned> fetched{0};

  TestFile(std::uint64_t page_count, Ref<GuestMemory> owner) : pages(page_count), own_(std::move(owner)) {}

 private:
  PageCache own_;
  PageCache* cache_ = &own_;
};

}  // namespace cv6::test
