// The mappings of one address space, in order, and the free ranges between them. The tree's summary of the longest gap
// below each mapping makes finding room O(log n). Protected by the address space's lock.
#pragma once

#include <atomic>

#include "vm/mapping.hpp"

namespace cv6 {

class MappingSet {
 public:
  // The mapping that contains the address; the last one found is tried first.
  Mapping* find(std::uintptr_t address) const {
    Mapping* last = last_found_.load(std::memory_order_relaxed);
    if (last && last->contains(address)) return last;
    Mapping* found = tree_.floor(address);
    if (!found || !found->contains(address)) return nullptr;
    last_found_.store(found, std::memory_order_relaxed);
    return found;
  }
  // The first mapping that ends beyond `address`: contains it or comes after it.
  Mapping* first_from(std::uintptr_t address) const;
  Mapping* first() const { return tree_.first(); }
  Mapping* last() const { return tree_.last(); }
  Mapping* next(const Mapping& mapping) const { return tree_.next(mapping); }
  Mapping* previous(const Mapping& mapping) const { return tree_.previous(mapping); }
  std::size_t size() const { return tree_.size(); }

  void insert(Mapping& mapping) { tree_.insert(mapping); }
  void remove(Mapping& mapping) {
    last_found_.store(nullptr, std::memory_order_relaxed);
    tree_.remove(mapping);
  }
  template <class Dispose>
  void clear(Dispose dispose) {
    last_found_.store(nullptr, std::memory_order_relaxed);
    tree_.clear(dispose);
  }
  // After a change of start, end or grows_down that kept the order.
  void changed(Mapping& mapping) { tree_.refresh(mapping); }

  bool is_free(std::uintptr_t start, std::uintptr_t end) const {
    const Mapping* next = first_from(start);
    return !next || next->start >= end;
  }
  // The same, and not where a stack above would run into it.
  bool is_free_for_new(std::uintptr_t start, std::uintptr_t end) const {
    const Mapping* next = first_from(start);
    return !next || (next->start >= end && next->guarded_start() >= end);
  }
  // The highest free range of this length within [low, high); 0: none.
  std::uintptr_t find_free(std::uint64_t length, std::uintptr_t low, std::uintptr_t high) const {
    return find_free_below(tree_.root(), length, low, high);
  }

 private:
  struct ByStart {
    std::uintptr_t operator()(const Mapping& mapping) const { return mapping.start; }
  };
  struct Gaps {
    static void update(Mapping& mapping, const Mapping* left, const Mapping* right);
  };
  using Mappings = Tree<Mapping, &Mapping::node, ByStart, Gaps>;
  // `low` and `high`: what is free around the mappings from `at` down.
  static std::uintptr_t find_free_below(const Mapping* at, std::uint64_t length, std::uintptr_t low,
                                        std::uintptr_t high);

  Mappings tree_;
  mutable std::atomic<Mapping*> last_found_{nullptr};
};

}  // namespace cv6
