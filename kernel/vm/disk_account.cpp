#include "vm/disk_account.hpp"

#include <algorithm>
#include <bit>

#include "sched/pace.hpp"

namespace cv6 {

ChargedPages::~ChargedPages() {
  std::uint64_t removed = 0;
  sched::Pace pace;
  chunks_.clear([&](Chunk& chunk) {
    for (const std::uint64_t word : chunk.words) removed += static_cast<unsigned>(std::popcount(word));
    delete &chunk;
    pace.step();
  });
  if (removed) account_->uncharge(removed);
}

Result<void> ChargedPages::add(std::uint64_t index, bool& added) {
  added = false;
  if (!account_) return {};
  Chunk* chunk = chunks_.find(index / bits);
  const std::uint64_t bit = std::uint64_t{1} << index % 64;
  if (chunk && chunk->words[index % bits / 64] & bit) return {};
  if (!account_->charge(1)) return Error::dquot;
  if (!chunk) {
    chunk = new (std::nothrow) Chunk;
    if (!chunk) {
      account_->uncharge(1);
      return Error::nomem;
    }
    chunk->number = index / bits;
    chunks_.insert(*chunk);
  }
  chunk->words[index % bits / 64] |= bit;
  added = true;
  return {};
}

// Bits first .. last of a word.
static std::uint64_t word_mask(std::uint64_t first, std::uint64_t last) {
  return UINT64_MAX << first & UINT64_MAX >> (63 - last);
}

void ChargedPages::remove(std::uint64_t first, std::uint64_t last) {
  std::uint64_t removed = 0;
  for (Chunk* chunk = chunks_.lower_bound(first / bits); chunk && chunk->number <= last / bits;) {
    Chunk* const next = chunks_.next(*chunk);
    const std::uint64_t start = chunk->number * bits;
    const std::uint64_t from = std::max(first, start) - start, to = std::min(last, start + (bits - 1)) - start;
    for (std::uint64_t word = from / 64; word <= to / 64; ++word) {
      const std::uint64_t mask = word_mask(word == from / 64 ? from % 64 : 0, word == to / 64 ? to % 64 : 63);
      removed += static_cast<unsigned>(std::popcount(chunk->words[word] & mask));
      chunk->words[word] &= ~mask;
    }
    if (std::ranges::all_of(chunk->words, [](std::uint64_t word) { return word == 0; })) {
      chunks_.remove(*chunk);
      delete chunk;
    }
    chunk = next;
  }
  if (removed) account_->uncharge(removed);
}

}  // namespace cv6
