// malloc() and free(): free blocks in a list by address, neighbours joined. One that is large enough is looked for from where
// the last one was found or given back, so that those before it are not passed over and over. Memory comes from sbrk() and
// does not go back. (K. and R., The C Programming Language, 8.7, has the idea.)
#include "types.h"
#include "user.h"

namespace {

struct Block {
  uint size;    // with this head, a multiple of it
  Block* next;  // the next free one; of a used one nothing
};
constexpr uint least_growth = 32768;

Block* first_free = nullptr;
Block* rover = nullptr;  // the free block behind which the list was changed last; null: its beginning was

Block* after(Block* block) { return reinterpret_cast<Block*>(reinterpret_cast<char*>(block) + block->size); }
Block*& behind(Block* before) { return before ? before->next : first_free; }

void give_back(Block* block) {
  Block* before = rover < block ? rover : nullptr;
  for (Block* next; (next = behind(before)) && next < block;) before = next;
  block->next = behind(before);
  behind(before) = block;
  if (block->next && after(block) == block->next) {
    block->size += block->next->size;
    block->next = block->next->next;
  }
  if (before && after(before) == block) {
    before->size += block->size;
    before->next = block->next;
  }
  rover = before;
}

// One of exactly this size, from what is behind `before`; null: there is none.
Block* take(Block* before, uint size) {
  Block* block;
  while ((block = behind(before)) && block->size < size) before = block;
  if (!block) return nullptr;
  rover = before;
  if (block->size == size) {
    behind(before) = block->next;
    return block;
  }
  block->size -= size;
  Block* used = after(block);
  used->size = size;
  return used;
}

bool grow(uint size) {
  if (size < least_growth) size = least_growth;
  if (static_cast<int>(size) < 0) return false;
  char* memory = sbrk(static_cast<int>(size));
  if (memory == reinterpret_cast<char*>(-1)) return false;
  auto* block = reinterpret_cast<Block*>(memory);
  block->size = size;
  give_back(block);
  return true;
}

}  // namespace

extern "C" {

void* malloc(uint wanted) {
  const uint size = (wanted + 2 * sizeof(Block) - 1) / sizeof(Block) * sizeof(Block);
  if (size < wanted) return nullptr;
  do {
    Block* block = take(rover, size);
    if (!block) block = take(nullptr, size);
    if (block) return block + 1;
  } while (grow(size));
  return nullptr;
}

void free(void* memory) {
  if (memory) give_back(static_cast<Block*>(memory) - 1);
}

}  // extern "C"
