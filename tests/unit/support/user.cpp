#include "support/user.hpp"

#include "arch/upcalls.hpp"
#include "arch/user_memory.hpp"

namespace cv6 {

namespace {
thread_local AddressSpace* current = nullptr;
thread_local FaultOutcome last = FaultOutcome::resolved;
}  // namespace

bool arch::on_kernel_user_access(std::uintptr_t address, Fault::Access access) {
  if (!current) return false;
  last = current->fault(address, access);
  return last == FaultOutcome::resolved;
}

namespace test {

void run_in(AddressSpace* space) {
  current = space;
  if (space) space->activate();
}

std::optional<std::uint64_t> load(std::uintptr_t address) {
  std::uint64_t value;
  if (arch::copy_from_user(&value, address, sizeof value) != 0) return std::nullopt;
  return value;
}

bool store(std::uintptr_t address, std::uint64_t value) {
  return arch::copy_to_user(address, &value, sizeof value) == 0;
}

FaultOutcome last_fault() { return last; }

Ref<TestFile> TestFile::create(std::uint64_t pages, Ref<GuestMemory> owner) {
  return *make<TestFile>(pages, std::move(owner));
}

Result<FrameRef> TestFile::page_for_mapping(std::uint64_t index, Intent intent) {
  ++fetched;
  if (index >= pages) return Error::fault;
  if (intent == Intent::write) {
    if (cache_ != &own_ && !separate()) return Error::nomem;
    return cache_->writable(index);
  }
  FrameRef page = cache_->find(index);
  return page ? std::move(page) : frames::zero_page();
}

void TestFile::pages_present(std::uint64_t first, unsigned count, Frame** found) {
  cache_->find(first, count, found);
}

std::uint64_t TestFile::read(std::uint64_t index) {
  const FrameRef page = cache_->find(index);
  return page ? *static_cast<const std::uint64_t*>(page.data()) : 0;
}

bool TestFile::write(std::uint64_t index, std::uint64_t value) {
  if (cache_ != &own_ && !separate()) return false;
  const auto page = cache_->writable(index);
  if (!page) return false;
  *static_cast<std::uint64_t*>(page->data()) = value;
  if (pages <= index) pages = index + 1;
  return true;
}

void TestFile::truncate(std::uint64_t new_pages) {
  pages = new_pages;
  cache_->truncate(new_pages);
}

void TestFile::show(TestFile& other) { cache_ = other.cache_; }

bool TestFile::separate() {
  if (!own_.share_from(*cache_)) return false;
  cache_ = &own_;
  cache_changed();
  return true;
}

}  // namespace test
}  // namespace cv6
