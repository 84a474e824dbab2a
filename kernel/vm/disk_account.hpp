// How much data of files a container and those below it have changed, and how much they may: bytes, in whole pages.
//
// A file's cache charges a page when it is the first of that index that the file gets for itself: written by somebody, or
// taken over from another file by a copy that shares pages. What a view only shows counts nothing, and neither do names,
// attributes and holes. A page that two files of a container share counts in both. A file gives back what is truncated,
// punched, or left when it goes.
//
// The account lives as long as the views that charge it, which may be longer than the container.
#pragma once

#include "lib/ref.hpp"
#include "lib/resource_counter.hpp"
#include "lib/tree.hpp"
#include "lib/units.hpp"
#include "mm/object_cache.hpp"

namespace cv6 {

class DiskAccount : public Counted<DiskAccount>, public Cached<DiskAccount, "disk_account"> {
 public:
  static Result<Ref<DiskAccount>> create(Ref<DiskAccount> parent) { return make<DiskAccount>(std::move(parent)); }
  explicit DiskAccount(Ref<DiskAccount> parent) : parent_(std::move(parent)) {
    if (parent_) counter_.hang_below(parent_->counter_);
  }
  ResourceCounter& counter() { return counter_; }
  bool charge(std::uint64_t pages) { return counter_.charge(pages * page_size); }
  void uncharge(std::uint64_t pages) { counter_.uncharge(pages * page_size); }

 private:
  Ref<DiskAccount> parent_;  // null: of the host's children
  ResourceCounter counter_;
};

// Which pages of one file are charged: a set of indexes, kept as bits. The owner's lock covers it. Memory for it is bounded by
// that for the pages.
class ChargedPages {
 public:
  explicit ChargedPages(Ref<DiskAccount> account) : account_(std::move(account)) {}
  ~ChargedPages();  // gives way if there are many: no spin lock is held then
  // With one of the same account: who empties a large set lets go of it without the lock.
  void swap(ChargedPages& other) { chunks_.swap(other.chunks_); }

  // An index more, which may be in the set already: `added` says. Error::dquot (the account), Error::nomem.
  Result<void> add(std::uint64_t index, bool& added);
  // Indexes less.
  void remove(std::uint64_t first, std::uint64_t last);

 private:
  static constexpr std::uint64_t bits = 512;
  struct Chunk : Cached<Chunk, "charged_pages"> {
    std::uint64_t number = 0;  // of the indexes number * bits ...
    std::uint64_t words[bits / 64] = {};
    TreeNode node;
  };
  struct ByNumber {
    std::uint64_t operator()(const Chunk& chunk) const { return chunk.number; }
  };

  Ref<DiskAccount> account_;  // null: nothing is counted
  Tree<Chunk, &Chunk::node, ByNumber> chunks_;
};

}  // namespace cv6
