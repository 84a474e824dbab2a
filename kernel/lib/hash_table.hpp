// A hash table through nodes inside its elements, with chains.
//
//   struct Dentry { HashNode node; ... };
//   struct Traits { static std::uint64_t hash(const Key&); static bool equal(const Dentry&, const Key&); static Key key(const Dentry&); };
//   HashTable<Dentry, &Dentry::node, Traits> table;
//
// It grows by doubling; when there is no memory to grow, chains just get longer: insert never fails. Whose elements come and go
// calls shrink(), so that its memory stays in proportion to them. It does not own its elements.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

#include "lib/container_of.hpp"

namespace cv6 {

class HashNode {
 public:
  constexpr HashNode() = default;
  HashNode(const HashNode&) = delete;
  HashNode& operator=(const HashNode&) = delete;
  bool linked() const { return link_ != nullptr; }

 private:
  template <class T, HashNode T::* node, class Traits>
  friend class HashTable;
  HashNode* next_ = nullptr;
  HashNode** link_ = nullptr;  // what points to this node
};

// Mixes all bits of an integer into all bits of the result (the finaliser of MurmurHash3).
constexpr std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdull;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53ull;
  return value ^ (value >> 33);
}

template <class T, HashNode T::* node, class Traits>
class HashTable {
 public:
  constexpr HashTable() = default;
  ~HashTable() {
    if (buckets_ != &first_) ::operator delete(buckets_);
  }
  HashTable(const HashTable&) = delete;
  HashTable& operator=(const HashTable&) = delete;

  std::size_t size() const { return size_; }

  void insert(T& item) {
    if (size_ >= bucket_count_ * 2) resize(bucket_count_ < 8 ? 8 : bucket_count_ * 2);
    link(&(item.*node), bucket(Traits::hash(Traits::key(item))));
    ++size_;
  }
  void remove(T& item) {
    HashNode& gone = item.*node;
    if (!gone.linked()) return;
    unlink(&gone);
    --size_;
  }
  template <class Key>
  T* find(const Key& key) const {
    for (HashNode* at = *bucket(Traits::hash(key)); at; at = at->next_)
      if (Traits::equal(*element(at), key)) return element(at);
    return nullptr;
  }
  // Gives memory back if most of it is not needed any more; not within for_each().
  void shrink() {
    constexpr std::size_t worth_it = 256;
    if (bucket_count_ >= worth_it && size_ < bucket_count_ / 8) resize(std::bit_ceil(size_ | (worth_it / 4)));
  }
  // Calls `visit` with every element; it may remove the one it is given.
  template <class Visit>
  void for_each(Visit visit) {
    for (std::size_t i = 0; i < bucket_count_; ++i)
      for (HashNode *at = buckets_[i], *next; at; at = next) {
        next = at->next_;
        visit(*element(at));
      }
  }

 private:
  static T* element(const HashNode* item) { return ContainerOf<node>::of(item); }
  HashNode** bucket(std::uint64_t hash) const { return &buckets_[hash & (bucket_count_ - 1)]; }
  static void link(HashNode* item, HashNode** head) {
    item->next_ = *head;
    item->link_ = head;
    if (item->next_) item->next_->link_ = &item->next_;
    *head = item;
  }
  static void unlink(HashNode* item) {
    *item->link_ = item->next_;
    if (item->next_) item->next_->link_ = item->link_;
    item->next_ = nullptr;
    item->link_ = nullptr;
  }
  void resize(std::size_t count) {
    auto** fresh = static_cast<HashNode**>(::operator new(count * sizeof(HashNode*), std::nothrow));
    if (!fresh) return;
    for (std::size_t i = 0; i < count; ++i) fresh[i] = nullptr;
    for (std::size_t i = 0; i < bucket_count_; ++i)
      while (HashNode* item = buckets_[i]) {
        unlink(item);
        link(item, &fresh[Traits::hash(Traits::key(*element(item))) & (count - 1)]);
      }
    if (buckets_ != &first_) ::operator delete(buckets_);
    buckets_ = fresh;
    bucket_count_ = count;
  }

  HashNode* first_ = nullptr;  // the only bucket, until the table grows
  HashNode** buckets_ = &first_;
  std::size_t bucket_count_ = 1;  // a power of two
  std::size_t size_ = 0;
};

}  // namespace cv6
