#include "dev/virtqueue.hpp"

#include <atomic>

namespace cv6 {

namespace {

constexpr std::uint16_t descriptor_next = 1, descriptor_device_writes = 2;
constexpr std::uint16_t available_no_interrupt = 1, used_no_notify = 1;

}  // namespace

Virtqueue::Virtqueue(void* memory, std::uint16_t size)
    : descriptors_(static_cast<Descriptor*>(memory)),
      available_(reinterpret_cast<Available*>(descriptors_ + size)),
      used_(reinterpret_cast<UsedRing*>(static_cast<char*>(memory) + used_offset(size))),
      size_(size),
      free_count_(size) {
  for (std::uint16_t i = 0; i < size; ++i) descriptors_[i].next = static_cast<std::uint16_t>(i + 1);
}

std::optional<std::uint16_t> Virtqueue::add(std::span<const Buffer> buffers) {
  if (buffers.empty() || buffers.size() > free_count_) return std::nullopt;
  const std::uint16_t head = free_head_;
  Descriptor* last = nullptr;
  for (const Buffer& buffer : buffers) {
    last = &descriptors_[free_head_];
    last->address = buffer.address;
    last->size = buffer.size;
    last->flags = static_cast<std::uint16_t>(
        descriptor_next | (buffer.use == Buffer::For::device_writes ? descriptor_device_writes : 0));
    free_head_ = last->next;
  }
  last->flags = static_cast<std::uint16_t>(last->flags & ~descriptor_next);
  free_count_ = static_cast<std::uint16_t>(free_count_ - buffers.size());
  available_->ring[next_available_++ % size_] = head;
  return head;
}

bool Virtqueue::publish() {
  std::atomic_ref(available_->index).store(next_available_, std::memory_order_release);  // the device sees the ring first
  std::atomic_thread_fence(std::memory_order_seq_cst);  // 2.7.13.4.1: the index before we look at the flags
  return !(std::atomic_ref(used_->flags).load(std::memory_order_relaxed) & used_no_notify);
}

bool Virtqueue::has_used() const {
  return std::atomic_ref(used_->index).load(std::memory_order_acquire) != next_used_;
}

std::optional<Virtqueue::Used> Virtqueue::take_used() {
  if (!has_used()) return std::nullopt;
  const UsedElement element = used_->ring[next_used_++ % size_];
  const auto head = static_cast<std::uint16_t>(element.head % size_);
  std::uint16_t at = head;
  std::uint16_t freed = 1;
  while (descriptors_[at].flags & descriptor_next && freed < size_) {
    at = descriptors_[at].next;
    ++freed;
  }
  descriptors_[at].next = free_head_;
  free_head_ = head;
  free_count_ = static_cast<std::uint16_t>(free_count_ + freed);
  return Used{head, element.written};
}

void Virtqueue::set_interrupts(Interrupts wanted) {
  std::atomic_ref(available_->flags)
      .store(wanted == Interrupts::on ? 0 : available_no_interrupt, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);  // before the caller looks at used buffers again
}

}  // namespace cv6
