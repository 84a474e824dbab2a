#include "vm/mapping.hpp"

#include "vm/flush_batch.hpp"
#include "vm/memory_object.hpp"
#include "vm/page_table.hpp"

namespace cv6 {

Mapping::Mapping(PageTable& page_table) : table(page_table) {}
Mapping::~Mapping() = default;

void Mapping::copy_to(Mapping& piece, std::uintptr_t from, std::uintptr_t to) const {
  piece.start = from;
  piece.end = to;
  piece.offset = object ? offset + (from - start) : 0;
  piece.object = object;
  piece.found_at = found_at;
  piece.name = name;
  piece.protection = protection;
  piece.allowed = allowed;
  piece.sharing = sharing;
  piece.grows_down = grows_down;
  piece.copied_by_fork = copied_by_fork;
  piece.wiped_by_fork = wiped_by_fork;
  piece.has_copies.store(has_copies.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

bool Mapping::continues_in(const Mapping& next) const {
  return end == next.start && object == next.object && (!object || offset + length() == next.offset) &&
         name.data() == next.name.data() && protection == next.protection && allowed == next.allowed &&
         sharing == next.sharing && !grows_down && !next.grows_down && copied_by_fork == next.copied_by_fork &&
         wiped_by_fork == next.wiped_by_fork;
}

// Pages of the object -> addresses; start == end: none of them is mapped.
static PageTable::Span addresses_of(const Mapping& mapping, std::uint64_t first, std::uint64_t last) {
  const std::uint64_t begin = mapping.offset >> page_shift;
  const std::uint64_t end = begin + (mapping.length() >> page_shift);
  if (last < begin || first >= end) return {};
  const std::uint64_t from = first > begin ? first : begin;
  const std::uint64_t to = last < end ? last + 1 : end;
  return {mapping.start + ((from - begin) << page_shift), mapping.start + ((to - begin) << page_shift)};
}

std::uint64_t Mapping::unmap(std::uint64_t first, std::uint64_t last, Pages pages, std::uint64_t most) {
  const auto [from, to] = addresses_of(*this, first, last);
  if (from == to) return 0;
  changes.fetch_add(1, std::memory_order_release);  // before the table's lock: see AddressSpace::install
  FlushBatch batch(table);
  SpinGuard guard(table.lock);
  return table.clear_range(from, to, pages, batch, most);
}

std::uint64_t Mapping::write_protect(std::uint64_t first, std::uint64_t last, std::uint64_t most) {
  if (is_private()) return 0;  // what is writable there is a copy
  const auto [from, to] = addresses_of(*this, first, last);
  if (from == to) return 0;
  changes.fetch_add(1, std::memory_order_release);
  FlushBatch batch(table);
  SpinGuard guard(table.lock);
  return table.write_protect(from, to, batch, most);
}

}  // namespace cv6
