// malloc() and free(): free blocks in a list by address, neighbours joined; the first that is large enough is used. Memory
// comes from sbrk() and does not go back. (K. and R., The C Programming Language, 8.7, has the idea.)
#include "types.h"
#include "user.h"

namespace {

struct Block {
  uint size;    // with this head, a multiple of it
  Block* next;  // the next free one; of a used one nothing
};
constexpr uint least_growth = 32768;

Block* first_free = nullptr;

Block* after(Block* block) { return reinterpret_cast<Block*>(reinterpret_cast<char*>(block) + block->size); }

void give_back(Block* block) {
  Block** link = &first_free;
  Block* before = nullptr;
  while (*link && *link < block) {
    before = *link;
    link = &before->next;
  }
  block->next = *link;
  *link = block;
  if (block->next && after(block) == block->next) {
    block->size += block->next->size;
    block->next = block->next->next;
  }
  if (before && after(before) == block) {
    before->size += block->size;
    before->next = block->next;
  }
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
    for (Block** link = &first_free; *link; link = &(*link)->next) {
      Block* block = *link;
      if (block->size < size) continue;
      if (block->size == size) {
        *link = block->next;
        return block + 1;
      }
      block->size -= size;
      Block* used = after(block);
      used->size = size;
      return used + 1;
    }
  } while (grow(size));
  return nullptr;
}

void free(void* memory) {
  if (memory) give_back(static_cast<Block*>(memory) - 1);
}

}  // extern "C"
