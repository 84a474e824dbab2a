// Life of an address space, and its set of mappings: splitting, joining, what they cost.
#include "vm/address_space.hpp"

#include "sched/scheduler.hpp"
#include "vm/flush_batch.hpp"

namespace cv6 {

AddressSpace::AddressSpace(Ref<GuestMemory> memory) : memory_(memory), mappings_memory_(std::move(memory)) {}

Result<Ref<AddressSpace>> AddressSpace::create(Ref<GuestMemory> memory) {
  auto* space = new (std::nothrow) AddressSpace(memory);
  if (!space) return Error::nomem;
  auto created = Ref<AddressSpace>::adopt(space);
  TRY(space->table_.create(*memory));
  return created;
}

// Nobody else refers to it; only processors that went idle and reverse maps may still know it.
AddressSpace::~AddressSpace() NO_THREAD_SAFETY_ANALYSIS {
  if (table_.root()) table_.loaded.drop();
  mappings_.clear([&](Mapping& mapping) {
    // Once the object does not know the mapping, nobody else looks at its part of the tables.
    if (mapping.object) mapping.object->remove_mapping(mapping);
    for (std::uintptr_t at = mapping.start; at < mapping.end; at += step) {
      {
        FrameBatch batch;
        table_.abandon(at, mapping.end - at < step ? mapping.end : at + step, batch);
      }
      sched::maybe_yield();
    }
    delete &mapping;
  });
  mappings_memory_->uncharge(mappings_charged_);
}

AddressSpace::Graveyard::~Graveyard() {
  while (Mapping* mapping = mappings.pop_front()) {
    delete mapping;
    sched::maybe_yield();
  }
}

// The page that holds Mapping objects is charged, not each of them.
Result<AddressSpace::Spare> AddressSpace::spare() {
  if (mapping_count_ >= most_mappings) return Error::nomem;
  if ((mapping_count_ + 1) * sizeof(Mapping) > mappings_charged_ * page_size) {
    TRY(mappings_memory_->charge(1));
    ++mappings_charged_;
  }
  ++mapping_count_;
  auto* mapping = new (std::nothrow) Mapping(table_);
  if (!mapping) {
    uncharge_mapping();
    return Error::nomem;
  }
  mapping->stamp = ++last_stamp_;
  return Spare(mapping, Recycle{this});
}

void AddressSpace::uncharge_mapping() {
  --mapping_count_;
  // One page is kept, so that a mapping that comes and goes at the edge does not charge and uncharge every time.
  if (mapping_count_ * sizeof(Mapping) + 2 * page_size > mappings_charged_ * page_size) return;
  mappings_memory_->uncharge(1);
  --mappings_charged_;
}

void AddressSpace::Recycle::operator()(Mapping* mapping) const NO_THREAD_SAFETY_ANALYSIS {
  space->uncharge_mapping();
  delete mapping;
}

void AddressSpace::account(const Mapping& mapping, std::int64_t sign) {
  const auto pages = static_cast<std::uint64_t>(sign) * (mapping.length() >> page_shift);
  virtual_pages_ += pages;
  if (virtual_pages_ > peak_virtual_pages_) peak_virtual_pages_ = virtual_pages_;
  if (is_data(mapping)) data_pages_ += pages;
}

void AddressSpace::insert(Spare spare) {
  Mapping& mapping = *spare.release();
  if (mapping.object) mapping.object->add_mapping(mapping);
  mappings_.insert(mapping);
  account(mapping, 1);
}

void AddressSpace::erase(Mapping& mapping, Graveyard& gone) {
  if (mapping.object) mapping.object->remove_mapping(mapping);
  account(mapping, -1);
  mappings_.remove(mapping);
  uncharge_mapping();
  gone.mappings.push_back(mapping);
}

void AddressSpace::set_end(Mapping& mapping, std::uintptr_t end) {
  account(mapping, -1);
  if (mapping.object)
    mapping.object->change_mappings([&](MemoryObject::Mappings& mappings) {
      mapping.end = end;
      mappings.refresh(mapping);
    });
  else
    mapping.end = end;
  mappings_.changed(mapping);
  mapping.stamp = ++last_stamp_;
  account(mapping, 1);
}

Result<void> AddressSpace::split_at(std::uintptr_t address) {
  Mapping* mapping = mappings_.find(address);
  if (!mapping || mapping->start == address) return {};
  Mapping& piece = *TRY(spare()).release();
  mapping->copy_to(piece, address, mapping->end);
  if (mapping->object)
    mapping->object->change_mappings([&](MemoryObject::Mappings& mappings) {
      mapping->end = address;
      mappings.refresh(*mapping);
      mappings.insert(piece);
    });
  else
    mapping->end = address;
  mappings_.changed(*mapping);
  mappings_.insert(piece);
  return {};
}

Result<void> AddressSpace::isolate(std::uintptr_t start, std::uintptr_t end) {
  TRY(split_at(start));
  if (const auto split = split_at(end); !split) {
    Graveyard gone;  // an object's: other mappings hold it, so nothing of note happens under the lock
    merge(start, start, gone);
    return split.error();
  }
  return {};
}

void AddressSpace::merge(std::uintptr_t start, std::uintptr_t end, Graveyard& gone) {
  Mapping* mapping = mappings_.first_from(start);
  if (!mapping) return;
  if (Mapping* before = mappings_.previous(*mapping)) mapping = before;
  while (mapping->start <= end) {
    Mapping* next = mappings_.next(*mapping);
    if (!next) return;
    if (!mapping->continues_in(*next)) {
      mapping = next;
      continue;
    }
    mappings_.remove(*next);
    if (mapping->object)
      mapping->object->change_mappings([&](MemoryObject::Mappings& mappings) {
        mapping->end = next->end;
        mappings.remove(*next);
        mappings.refresh(*mapping);
      });
    else
      mapping->end = next->end;
    mapping->stamp = ++last_stamp_;
    if (next->has_copies.load(std::memory_order_relaxed)) mapping->has_copies.store(true, std::memory_order_relaxed);
    mappings_.changed(*mapping);
    uncharge_mapping();
    gone.mappings.push_back(*next);
    sched::maybe_yield();
  }
}

bool AddressSpace::covered(std::uintptr_t start, std::uintptr_t end) const {
  for (const Mapping* mapping = mappings_.first_from(start); start < end; mapping = mappings_.next(*mapping)) {
    if (!mapping || mapping->start > start) return false;
    start = mapping->end;
  }
  return true;
}

Result<void> AddressSpace::check_limits(std::uint64_t added, std::uint64_t replaced) const {
  const std::uint64_t size = (virtual_pages_ << page_shift) - replaced;
  if (size > limits_.address_space || added > limits_.address_space - size) return Error::nomem;
  return {};
}

Result<void> AddressSpace::check_data_limit(std::uint64_t added) const {
  const std::uint64_t size = data_pages_ << page_shift;
  if (size > limits_.data || added > limits_.data - size) return Error::nomem;
  return {};
}

void AddressSpace::set_limits(const AddressSpaceLimits& limits) {
  WriteGuard guard(lock_);
  limits_ = limits;
}

void AddressSpace::charge_to(Ref<GuestMemory> memory) {
  Ref<GuestMemory> before;  // goes after the lock
  WriteGuard guard(lock_);
  // What the mappings cost moves along if there is room for it there.
  if (memory->charge(mappings_charged_)) {
    mappings_memory_->uncharge(mappings_charged_);
    mappings_memory_ = memory;
  }
  before = std::exchange(memory_, std::move(memory));
}

}  // namespace cv6
