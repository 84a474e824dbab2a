// Searching an ordered tree for the first element that may run on given processors: each element knows the processors
// that it can use (cpus_of, found by its type) and keeps in `cpus_below` those of the whole subtree that hangs from it. So
// threads bound to other processors are passed over by subtrees, not one by one: O(log n).
#pragma once

#include "arch/cpu.hpp"
#include "lib/tree.hpp"

namespace cv6 {

inline constexpr arch::CpuSet all_cpus = ~arch::CpuSet{0};

// Summary for lib/tree.hpp.
struct CpusBelow {
  template <class T>
  static void update(T& item, const T* left, const T* right) {
    item.cpus_below = cpus_of(item) | (left ? left->cpus_below : 0) | (right ? right->cpus_below : 0);
  }
};

template <class Tree>
arch::CpuSet cpus_of_all(const Tree& tree) {
  auto* root = tree.root();
  return root ? root->cpus_below : 0;
}

// The first in order that can use one of `cpus`; null: none.
template <class Tree>
auto first_for(const Tree& tree, arch::CpuSet cpus) -> decltype(tree.root()) {
  auto* at = tree.root();
  if (!at || !(at->cpus_below & cpus)) return nullptr;
  while (true) {
    auto* left = Tree::child(*at, Tree::Side::left);
    if (left && left->cpus_below & cpus) {
      at = left;
      continue;
    }
    if (cpus_of(*at) & cpus) return at;
    at = Tree::child(*at, Tree::Side::right);
  }
}

}  // namespace cv6
