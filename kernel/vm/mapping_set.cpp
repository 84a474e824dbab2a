#include "vm/mapping_set.hpp"

#include <algorithm>

namespace cv6 {

namespace {

// A stack's guard gap may reach into the mapping below it: no room then.
std::uint64_t gap(std::uintptr_t from, std::uintptr_t to) { return to > from ? to - from : 0; }

}  // namespace

void MappingSet::Gaps::update(Mapping& mapping, const Mapping* left, const Mapping* right) {
  mapping.subtree_start = left ? left->subtree_start : mapping.guarded_start();
  mapping.subtree_end = right ? right->subtree_end : mapping.end;
  mapping.subtree_gap = std::max({left ? left->subtree_gap : 0, right ? right->subtree_gap : 0,
                                  left ? gap(left->subtree_end, mapping.guarded_start()) : 0,
                                  right ? gap(mapping.end, right->subtree_start) : 0});
}

Mapping* MappingSet::first_from(std::uintptr_t address) const {
  Mapping* before = tree_.floor(address);
  if (before && before->end > address) return before;
  return before ? tree_.next(*before) : tree_.first();
}

std::uintptr_t MappingSet::find_free_below(const Mapping* at, std::uint64_t length, std::uintptr_t low,
                                           std::uintptr_t high) {
  if (gap(low, high) < length) return 0;
  if (!at) return high - length;
  const std::uint64_t longest = std::max({at->subtree_gap, gap(low, at->subtree_start), gap(at->subtree_end, high)});
  if (longest < length) return 0;
  const Mapping* left = Mappings::child(*at, Mappings::Side::left);
  const Mapping* right = Mappings::child(*at, Mappings::Side::right);
  if (const auto found = find_free_below(right, length, std::max(low, at->end), high)) return found;
  // A guard gap ends at the next mapping below: it does not reach over it.
  const std::uintptr_t below = left ? std::max(at->guarded_start(), left->subtree_end) : at->guarded_start();
  return find_free_below(left, length, low, std::min(high, below));
}

}  // namespace cv6
