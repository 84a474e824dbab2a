// mremap(2).
#include "arch/user_memory.hpp"
#include "sched/pace.hpp"
#include "vm/address_space.hpp"
#include "vm/flush_batch.hpp"

namespace cv6 {

namespace {

bool overlap(std::uintptr_t a, std::uint64_t a_length, std::uintptr_t b, std::uint64_t b_length) {
  return a < b + b_length && b < a + a_length;
}

}  // namespace

// Longer where it is. False: there is no room.
Result<bool> AddressSpace::extend(Mapping& mapping, std::uint64_t added) {
  const std::uintptr_t end = mapping.end + added;
  if (!arch::is_user_range(mapping.end, added) || !mappings_.is_free_for_new(mapping.end, end)) return false;
  TRY(check_limits(added, 0));
  if (is_data(mapping)) TRY(check_data_limit(added));
  set_end(mapping, end);
  return true;
}

// Tables at `to` for all pages that there are at `from`.
Result<void> AddressSpace::prepare_tables(std::uintptr_t from, std::uint64_t length, std::uintptr_t to) {
  Result<void> outcome;
  sched::Pace pace(tables_of_step);
  table_.for_each_table(
      from, from + length, [&](arch::PageEntry*, std::uintptr_t address, unsigned count) NO_THREAD_SAFETY_ANALYSIS {
        if (!outcome) return;
        pace.step();
        SpinGuard guard(table_.lock);
        for (const std::uintptr_t target : {address - from + to, address + (count - 1) * page_size - from + to})
          if (outcome)
            if (const auto made = table_.find_or_create(target, *memory_); !made) outcome = made.error();
      });
  return outcome;
}

void AddressSpace::move_pages(std::uintptr_t from, std::uint64_t length, std::uintptr_t to) {
  FlushBatch batch(table_);
  unsigned tables = 0;
  table_.for_each_table(from, from + length, [&](arch::PageEntry* entry, std::uintptr_t address, unsigned count) {
    if (++tables % tables_of_step == 0) {
      batch.flush();
      sched::maybe_yield();
    }
    SpinGuard guard(table_.lock);
    for (; count > 0; --count, ++entry, address += page_size)
      if (entry->occupied()) table_.move(entry, address, table_.find(address - from + to), batch);
  });
}

// The old range lies in one mapping. What can fail comes first; then the new mapping is there, after the old one in the
// object's order, so that whoever looks for pages through the reverse map meanwhile finds each of them in one of the
// two.
Result<std::uintptr_t> AddressSpace::move_mapping(std::uintptr_t start, std::uint64_t old_length,
                                                  std::uint64_t new_length, Move move, Graveyard& gone) {
  const Mapping& old = *mappings_.find(start);
  const std::uint64_t moved = old_length < new_length ? old_length : new_length;
  const std::uint64_t freed = move.keep_old ? 0 : old_length;
  TRY(check_limits(new_length,
                   freed + (move.fixed ? mapped_within(move.new_address, move.new_address + new_length) : 0)));
  if (is_data(old) && new_length > freed) TRY(check_data_limit(new_length - freed));
  const std::uintptr_t to = move.fixed ? move.new_address : find_free(new_length);
  if (!to) return Error::nomem;
  Spare spare = TRY(this->spare());
  const auto prepared = [&]() NO_THREAD_SAFETY_ANALYSIS -> Result<void> {
    TRY(isolate(start, start + old_length));
    TRY(isolate(to, to + new_length));
    return prepare_tables(start, moved, to);
  }();
  if (!prepared) {
    free_tables_between_mappings(to, to + new_length);
    merge(start, start + old_length, gone);
    merge(to, to + new_length, gone);
    return prepared.error();
  }
  remove_isolated(to, to + new_length, gone);
  mappings_.find(start)->copy_to(*spare, start, start + old_length);
  spare->start = to;
  spare->end = to + new_length;
  insert(std::move(spare));
  move_pages(start, moved, to);
  if (!move.keep_old) unmap_isolated(start, start + old_length, gone);
  merge(start, start + old_length, gone);
  merge(to, to + new_length, gone);
  return to;
}

Result<std::uintptr_t> AddressSpace::remap_locked(std::uintptr_t start, std::uint64_t old_length,
                                                  std::uint64_t new_length, Move move, Graveyard& gone) {
  Mapping* mapping = mappings_.find(start);
  if (!mapping) return Error::fault;
  if (mapping->object && mapping->offset + (start - mapping->start) > INT64_MAX - new_length) return Error::inval;
  if (old_length == 0) {  // a second mapping of the same pages
    if (mapping->is_private() || !move.may_move) return Error::inval;
    MapRequest again{.address = move.new_address,
                     .sharing = mapping->sharing,
                     .protection = mapping->protection,
                     .allowed = mapping->allowed,
                     .object = mapping->object,
                     .found_at = mapping->found_at,
                     .offset = mapping->offset + (start - mapping->start),
                     .name = mapping->name};
    again.place = move.fixed ? MapRequest::Place::fixed : MapRequest::Place::anywhere;
    return map_locked(again, new_length, gone);
  }
  if (old_length > mapping->end - start) return Error::fault;
  if (move.keep_old && (!mapping->anonymous() || !mapping->is_private())) return Error::inval;
  if (!move.fixed && !move.keep_old) {
    if (new_length <= old_length) {
      if (new_length < old_length) {
        TRY(isolate(start + new_length, start + old_length));
        unmap_isolated(start + new_length, start + old_length, gone);
      }
      return start;
    }
    if (start + old_length == mapping->end && TRY(extend(*mapping, new_length - old_length))) {
      merge(start, mapping->end, gone);
      return start;
    }
    if (!move.may_move) return Error::nomem;
  }
  return move_mapping(start, old_length, new_length, move, gone);
}

Result<std::uintptr_t> AddressSpace::remap(std::uintptr_t old_start, std::uint64_t old_length, std::uint64_t new_length,
                                           Move move) {
  if (old_start & (page_size - 1) || new_length == 0) return Error::inval;
  if (!arch::is_user_range(old_start, old_length) || new_length > arch::user_end) return Error::inval;
  old_length = page_ceiling(old_length);
  new_length = page_ceiling(new_length);
  if ((move.fixed || move.keep_old) && !move.may_move) return Error::inval;
  if (move.keep_old && old_length != new_length) return Error::inval;
  if (move.fixed) {
    if (move.new_address & (page_size - 1) || !arch::is_user_range(move.new_address, new_length)) return Error::inval;
    if (overlap(old_start, old_length, move.new_address, new_length)) return Error::inval;
    if (move.new_address < arch::user_start) return Error::perm;
  }
  Graveyard gone;
  WriteGuard guard(lock_);
  return remap_locked(old_start, old_length, new_length, move, gone);
}

}  // namespace cv6
