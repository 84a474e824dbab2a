// fork(2): the same mappings once more. Pages that are private are mapped read-only in both; whoever writes first
// copies. Pages of objects are not copied into the child's tables: it finds them again, many at a time, when it needs
// them.
#include "sched/pace.hpp"
#include "vm/address_space.hpp"
#include "vm/flush_batch.hpp"

namespace cv6 {

// The objects of mappings that were copied before know the child's table already: a file that is cut short meanwhile
// loses its pages there too.
Result<void> AddressSpace::copy_pages(const Mapping& mapping, AddressSpace& child,
                                      FlushBatch& batch) NO_THREAD_SAFETY_ANALYSIS {
  Result<void> outcome;
  const bool of_object = !mapping.anonymous();
  sched::Pace pace(tables_of_step);
  table_.for_each_table(mapping.start, mapping.end,
                        [&](arch::PageEntry* entry, std::uintptr_t address, unsigned count) NO_THREAD_SAFETY_ANALYSIS {
                          if (!outcome) return;
                          pace.step();
                          SpinGuard guard(table_.lock);
                          SpinGuard of_child(child.table_.lock);
                          arch::PageEntry* to = nullptr;
                          for (; count > 0; --count, ++entry, address += page_size, to += to != nullptr) {
                            if (!entry->occupied()) continue;
                            if (of_object && Frame::of(entry->address())->use != FrameUse::user_page) continue;
                            if (!to) {
                              const auto made = child.table_.find_or_create(address, *child.memory_);
                              if (!made) {
                                outcome = made.error();
                                return;
                              }
                              to = *made;
                            }
                            table_.share(entry, address, child.table_, to, batch);
                          }
                        });
  return outcome;
}

Result<void> AddressSpace::copy_mapping(const Mapping& mapping, AddressSpace& child,
                                        FlushBatch& batch) NO_THREAD_SAFETY_ANALYSIS {
  Mapping& copy = *TRY(child.spare()).release();
  mapping.copy_to(copy, mapping.start, mapping.end);
  // In the child's set before it has pages, so that it lets go of them if copying fails. In the object's too, where it
  // comes after the one that it copies: pages that the object drops go from there first, so none is copied too late.
  child.mappings_.insert(copy);
  child.account(copy, 1);
  if (copy.object) copy.object->add_mapping(copy);
  const bool has_own_pages = mapping.anonymous() || mapping.has_copies.load(std::memory_order_relaxed);
  if (has_own_pages && !mapping.wiped_by_fork) return copy_pages(mapping, child, batch);
  return {};
}

Result<Ref<AddressSpace>> AddressSpace::fork() NO_THREAD_SAFETY_ANALYSIS {
  Ref<AddressSpace> child;  // goes after the lock if something fails
  WriteGuard guard(lock_);
  child = TRY(create(memory_));
  child->limits_ = limits_;
  child->heap_start_ = heap_start_;
  child->heap_end_ = heap_end_;
  child->heap_protection_ = heap_protection_;
  // Flushes at the end, whatever happens: entries that became read-only must not stay writable in some processor's
  // cache.
  FlushBatch batch(table_);
  for (const Mapping* mapping = mappings_.first(); mapping; mapping = mappings_.next(*mapping)) {
    if (!mapping->copied_by_fork) continue;
    TRY(copy_mapping(*mapping, *child, batch));
    sched::maybe_yield();
  }
  return child;
}

Result<void> AddressSpace::own_all_pages() {
  for (std::uintptr_t from = 0;;) {
    Description next;
    if (!describe(from, next)) return {};
    if (next.protection.write && next.sharing == MapRequest::Sharing::private_)
      TRY(populate(next.start, next.end, arch::Fault::Access::write));
    from = next.end;
  }
}

}  // namespace cv6
