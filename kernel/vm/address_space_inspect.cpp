// Looking into an address space from outside: /proc/PID/{maps,mem,statm}, futex keys, mincore(2).
#include <algorithm>
#include <cstring>

#include "arch/user_memory.hpp"
#include "sched/scheduler.hpp"
#include "vm/address_space.hpp"

namespace cv6 {

// Page by page: makes it present, then copies through the direct map, with the table's lock: so nobody shares the page
// meanwhile, fork or another file that becomes a twin of this one.
template <class Copy>
Result<void> AddressSpace::access_memory(std::uintptr_t address, std::size_t size, arch::Fault::Access access,
                                         Copy copy) {
  if (!arch::is_user_range(address, size)) return Error::io;
  for (std::size_t done = 0; done < size;) {
    const std::uintptr_t at = address + done;
    if (fault(at, access) != FaultOutcome::resolved) return Error::io;
    const std::size_t piece = std::min<std::size_t>(page_size - at % page_size, size - done);
    ReadGuard guard(lock_);
    SpinGuard entries(table_.lock);
    const arch::PageEntry* entry = table_.find(at);
    if (!entry || !entry->present() || (access == arch::Fault::Access::write && !entry->writable())) continue;  // again
    copy(static_cast<std::byte*>(Frame::of(entry->address())->data()) + at % page_size, done, piece);
    done += piece;
  }
  return {};
}

Result<void> AddressSpace::read_memory(std::uintptr_t from, std::span<std::byte> to) {
  return access_memory(
      from, to.size(), arch::Fault::Access::read,
      [&](const std::byte* at, std::size_t done, std::size_t size) { std::memcpy(to.data() + done, at, size); });
}

Result<void> AddressSpace::write_memory(std::uintptr_t to, std::span<const std::byte> from) {
  return access_memory(
      to, from.size(), arch::Fault::Access::write,
      [&](std::byte* at, std::size_t done, std::size_t size) { std::memcpy(at, from.data() + done, size); });
}

bool AddressSpace::translate(std::uintptr_t address, Translation& translation) {
  if (!arch::is_user_range(address, 1)) return false;
  SpinGuard guard(table_.lock);
  const arch::PageEntry* entry = table_.find(address);
  if (!entry || !entry->present()) return false;
  translation = {.frame = Frame::of(entry->address()),
                 .offset = static_cast<std::uint32_t>(address % page_size),
                 .writable = entry->writable()};
  return true;
}

Result<AddressSpace::FutexKey> AddressSpace::futex_key(std::uintptr_t address) {
  ReadGuard guard(lock_);
  const Mapping* mapping = mappings_.find(address);
  if (!mapping) return Error::fault;
  if (mapping->is_private()) return FutexKey::of_private(*this, address);
  return FutexKey{nullptr, mapping->object->serial_number(), mapping->offset + (address - mapping->start)};
}

bool AddressSpace::describe(std::uintptr_t from, Description& description) {
  const Description before = std::move(description);  // what it holds goes after the lock
  ReadGuard guard(lock_);
  const Mapping* mapping = mappings_.first_from(from);
  if (!mapping) return false;
  description = description_of(*mapping);
  return true;
}

std::uintptr_t AddressSpace::heap_end() {
  ReadGuard guard(lock_);
  return heap_end_;
}

std::uintptr_t AddressSpace::heap_start() {
  ReadGuard guard(lock_);
  return heap_start_;
}

AddressSpaceUsage AddressSpace::usage() {
  AddressSpaceUsage usage;
  ReadGuard guard(lock_);
  usage.virtual_pages = virtual_pages_;
  usage.peak_virtual_pages = peak_virtual_pages_;
  usage.data_pages = data_pages_;
  for (const Mapping* at = mappings_.first(); at; at = mappings_.next(*at)) {
    if (at->grows_down) usage.stack_pages += at->length() >> page_shift;
    if (at->object && at->protection.execute && !at->protection.write) usage.text_pages += at->length() >> page_shift;
  }
  SpinGuard entries(table_.lock);
  usage.resident_pages = table_.counts.resident;
  usage.shared_pages = table_.counts.of_files;
  usage.page_table_pages = table_.counts.tables;
  return usage;
}

std::uint64_t AddressSpace::resident_pages() {
  SpinGuard entries(table_.lock);
  return table_.counts.resident;
}

std::uintptr_t AddressSpace::next_resident(std::uintptr_t from, std::uintptr_t end) {
  for (; from < end; sched::maybe_yield()) {
    ReadGuard guard(lock_);
    if (table_.next_occupied(from, end, tables_of_step)) return from;
  }
  return end;
}

// In memory: mapped, or at hand in the object.
Result<void> AddressSpace::resident(std::uintptr_t start, std::uint64_t length, std::span<std::uint8_t> states) {
  if (start & (page_size - 1)) return Error::inval;
  if (!arch::is_user_range(start, length)) return Error::nomem;
  ReadGuard guard(lock_);
  if (!covered(start, start + page_ceiling(length))) return Error::nomem;
  for (std::size_t i = 0; i < std::min<std::size_t>(states.size(), pages_for(length)); ++i) {
    const std::uintptr_t at = start + i * page_size;
    const arch::PageEntry* entry = table_.find(at);
    states[i] = entry && entry->occupied();
    if (const Mapping* mapping = mappings_.find(at); !states[i] && mapping->object) {
      states[i] = static_cast<bool>(mapping->object->page_present(mapping->index_of(at)));
    }
  }
  return {};
}

}  // namespace cv6
