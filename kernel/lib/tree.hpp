// An ordered tree through nodes inside its elements: no allocation, O(log n) expected for everything.
//
//   struct Mapping { TreeNode node; std::uintptr_t start; };
//   struct ByStart { std::uintptr_t operator()(const Mapping& m) const { return m.start; } };
//   Tree<Mapping, &Mapping::node, ByStart> mappings;
//
// A treap: a search tree by key and a heap by a pseudo-random priority, which keeps it balanced without any case
// analysis (Seidel and Aragon, "Randomized Search Trees", 1996). Equal keys are allowed and keep their order of
// insertion. The tree does not own its elements; a key must not change while its element is inside, but for changes that
// keep the order.
//
// Elements can carry a summary of their subtree (the largest gap in it, the smallest of something), for searches that the
// order alone does not answer: Summary::update(item, left, right) computes that of `item` from itself and its children
// (null: none), and refresh(item) is called when what `item` contributes has changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "lib/container_of.hpp"
#include "lib/random.hpp"

namespace cv6 {

class TreeNode {
 public:
  constexpr TreeNode() = default;
  TreeNode(const TreeNode&) = delete;
  TreeNode& operator=(const TreeNode&) = delete;
  bool linked() const { return priority_ != 0; }

 private:
  template <class T, TreeNode T::* node, class KeyOf, class Summary>
  friend class Tree;
  TreeNode* parent_ = nullptr;
  TreeNode* child_[2] = {nullptr, nullptr};
  std::uint32_t priority_ = 0;  // 0: in no tree
};

struct NoSummary {};

template <class T, TreeNode T::* node, class KeyOf, class Summary = NoSummary>
class Tree {
 public:
  constexpr Tree() = default;
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  bool empty() const { return root_ == nullptr; }
  std::size_t size() const { return size_; }

  void insert(T& item) {
    TreeNode* fresh = &(item.*node);
    const auto key = KeyOf{}(item);
    TreeNode** link = &root_;
    TreeNode* parent = nullptr;
    if (!root_) seed();
    while (*link) {
      parent = *link;
      link = &parent->child_[key < key_of(parent) ? 0 : 1];
    }
    *link = fresh;
    fresh->parent_ = parent;
    fresh->child_[0] = fresh->child_[1] = nullptr;
    fresh->priority_ = next_random(random_);
    while (fresh->parent_ && fresh->parent_->priority_ < fresh->priority_) rotate_up(fresh);
    summarise_upwards(fresh);
    ++size_;
  }

  void remove(T& item) {
    TreeNode* gone = &(item.*node);
    if (!gone->linked()) return;
    while (gone->child_[0] && gone->child_[1])
      rotate_up(gone->child_[gone->child_[0]->priority_ > gone->child_[1]->priority_ ? 0 : 1]);
    TreeNode* heir = gone->child_[0] ? gone->child_[0] : gone->child_[1];
    replace(gone, heir);
    summarise_upwards(gone->parent_);
    gone->priority_ = 0;
    --size_;
  }

  // Empties the tree: calls dispose(item) for each, in no particular order; the item may be destroyed in it.
  template <class Dispose>
  void clear(Dispose dispose) {
    for (TreeNode* at = root_; at;) {
      if (TreeNode* below = at->child_[0] ? at->child_[0] : at->child_[1]) {
        at = below;
        continue;
      }
      TreeNode* above = at->parent_;
      if (above) above->child_[above->child_[1] == at] = nullptr;
      at->priority_ = 0;
      dispose(*element(at));
      at = above;
    }
    root_ = nullptr;
    size_ = 0;
  }

  void swap(Tree& other) {
    std::swap(root_, other.root_);
    std::swap(size_, other.size_);
    std::swap(random_, other.random_);
  }

  void refresh(T& item) { summarise_upwards(&(item.*node)); }

  // The tree's shape, for searches by summary: null where there is nothing.
  T* root() const { return root_ ? element(root_) : nullptr; }
  enum class Side : std::uint8_t { left, right };
  static T* child(const T& item, Side side) {
    TreeNode* at = (item.*node).child_[static_cast<int>(side)];
    return at ? element(at) : nullptr;
  }

  T* first() const { return extreme(root_, 0); }
  T* last() const { return extreme(root_, 1); }
  T* next(const T& item) const { return neighbour(&(item.*node), 1); }
  T* previous(const T& item) const { return neighbour(&(item.*node), 0); }

  // The first element whose key is not less than `key`.
  template <class Key>
  T* lower_bound(const Key& key) const {
    TreeNode* best = nullptr;
    for (TreeNode* at = root_; at;) {
      if (key_of(at) < key) {
        at = at->child_[1];
      } else {
        best = at;
        at = at->child_[0];
      }
    }
    return best ? element(best) : nullptr;
  }
  // The last element whose key is not greater than `key`.
  template <class Key>
  T* floor(const Key& key) const {
    TreeNode* best = nullptr;
    for (TreeNode* at = root_; at;) {
      if (key < key_of(at)) {
        at = at->child_[0];
      } else {
        best = at;
        at = at->child_[1];
      }
    }
    return best ? element(best) : nullptr;
  }
  template <class Key>
  T* find(const Key& key) const {
    T* at = lower_bound(key);
    return at && !(key < KeyOf{}(*at)) ? at : nullptr;
  }

  class iterator {
   public:
    iterator(const Tree* tree, T* at) : tree_(tree), at_(at) {}
    T& operator*() const { return *at_; }
    iterator& operator++() {
      at_ = tree_->next(*at_);
      return *this;
    }
    bool operator!=(const iterator& other) const { return at_ != other.at_; }

   private:
    const Tree* tree_;
    T* at_;
  };
  iterator begin() const { return {this, first()}; }
  iterator end() const { return {this, nullptr}; }

 private:
  static auto key_of(const TreeNode* at) { return KeyOf{}(*element(at)); }

  static T* element(const TreeNode* item) { return ContainerOf<node>::of(item); }

  static T* extreme(TreeNode* at, int side) {
    if (!at) return nullptr;
    while (at->child_[side]) at = at->child_[side];
    return element(at);
  }
  static T* neighbour(const TreeNode* at, int side) {
    if (at->child_[side]) return extreme(at->child_[side], 1 - side);
    while (at->parent_ && at->parent_->child_[side] == at) at = at->parent_;
    return at->parent_ ? element(at->parent_) : nullptr;
  }

  // Puts `heir` (may be null) where `old` hangs.
  void replace(TreeNode* old, TreeNode* heir) {
    if (!old->parent_)
      root_ = heir;
    else
      old->parent_->child_[old->parent_->child_[1] == old] = heir;
    if (heir) heir->parent_ = old->parent_;
  }
  void rotate_up(TreeNode* child) {
    TreeNode* parent = child->parent_;
    const int side = parent->child_[1] == child;
    TreeNode* inner = child->child_[1 - side];
    replace(parent, child);
    child->child_[1 - side] = parent;
    parent->parent_ = child;
    parent->child_[side] = inner;
    if (inner) inner->parent_ = parent;
    summarise(parent);  // the child's is made once it is where it stays
  }
  static void summarise(TreeNode* at) {
    if constexpr (!std::is_same_v<Summary, NoSummary>)
      Summary::update(*element(at), child(*element(at), Side::left), child(*element(at), Side::right));
  }
  static void summarise_upwards(TreeNode* at) {
    if constexpr (!std::is_same_v<Summary, NoSummary>)
      for (; at; at = at->parent_) summarise(at);
  }

  // Who knew the priorities to come could choose his keys so that the tree becomes a chain.
  void seed() { random_ = (boot_secret ^ static_cast<std::uint32_t>(__builtin_readcyclecounter())) | 1; }

  TreeNode* root_ = nullptr;
  std::size_t size_ = 0;
  std::uint32_t random_ = 0;
};

}  // namespace cv6
