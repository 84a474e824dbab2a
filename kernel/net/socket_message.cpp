#include "net/socket_message.hpp"

#include <algorithm>

#include "net/unix_socket.hpp"
#include "sched/scheduler.hpp"

namespace cv6 {

// --- files -----------------------------------------------------------------------------------------------------------

Result<void> PassedFiles::add(Ref<File> file) {
  if (count_ == most) return Error::inval;
  files_[count_++] = std::move(file);
  return {};
}

Result<Own<PassedFiles>> PassedFiles::copy() const {
  Own<PassedFiles> fresh = TRY(make_own<PassedFiles>());
  fresh->files_ = files_;
  fresh->count_ = count_;
  return fresh;
}

Result<void> PassedFiles::depart(UnixSocket& holder, Container& sender) {
  if (DescriptorNumbers* numbers = sender.descriptors()) {
    if (!numbers->counter().charge(count_)) return Error::toomanyrefs;
    counted_in_ = Ref<Container>(&sender);
  }
  holder_ = &holder;
  for (unsigned i = 0; i < count_; ++i) {
    UnixSocket* socket = files_[i]->kept_socket();
    if (!socket || passing::begin(*socket, holder)) continue;
    end_passing(i);
    return Error::toomanyrefs;
  }
  return {};
}

void PassedFiles::end_passing(unsigned count) {
  for (unsigned i = 0; i < count; ++i)
    if (UnixSocket* socket = files_[i]->kept_socket()) passing::end(*socket, *holder_);
  holder_ = nullptr;
  if (counted_in_) counted_in_->descriptors()->counter().uncharge(count_);
  counted_in_ = nullptr;
}

void PassedFiles::arrive() {
  if (holder_) end_passing(count_);
}

// --- bytes -----------------------------------------------------------------------------------------------------------

Result<Own<SocketMessage>> SocketMessage::create(IoBuffer& from, std::size_t size) {
  Own<SocketMessage> message = TRY(make_own<SocketMessage>());
  message->size_ = static_cast<std::uint32_t>(size);
  if (size > few) {
    TRY(message->fill_pages(from));
  } else {
    message->weight_ = sizeof(SocketMessage);
    // What is not there to the end is not there: a message goes as a whole.
    if (size != 0 && TRY(from.take(message->bytes_, size)) != size) return Error::fault;
  }
  return message;
}

Result<void> SocketMessage::fill_pages(IoBuffer& from) {
  const std::size_t count = (size_ + page_size - 1) / page_size;
  weight_ = static_cast<std::uint32_t>(sizeof(SocketMessage) + count * page_size);
  pages_.reset(new (std::nothrow) FrameRef[count]);
  if (!pages_) return Error::nomem;
  GuestMemory* payer = payer::current();
  GuestMemory& owner = payer ? *payer : GuestMemory::host();
  for (std::size_t i = 0; i < count; ++i) {
    if (i % pages_between_yields == pages_between_yields - 1) sched::maybe_yield();
    FrameRef& page = pages_[i];
    page = TRY(owner.take(FrameUse::kernel, Fill::garbage));
    const std::size_t wanted = std::min(size_ - i * page_size, page_size);
    if (TRY(from.take(page.data(), wanted)) != wanted) return Error::fault;
  }
  return {};
}

void SocketMessage::drop_many_pages() {
  if (!pages_) return;
  const std::size_t count = (size_ + page_size - 1) / page_size;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % pages_between_yields == pages_between_yields - 1) sched::maybe_yield();
    pages_[i] = {};
  }
}

Result<std::size_t> SocketMessage::copy_to(IoBuffer& to) const {
  const std::size_t count = std::min(size(), to.remaining());
  if (count == 0) return 0;
  if (!pages_) {
    const std::size_t copied = TRY(to.put(bytes_ + taken_, count));
    if (copied != count) return Error::fault;
    return count;
  }
  for (std::size_t done = 0, pages = 1; done < count; ++pages) {
    if (pages % pages_between_yields == 0) sched::maybe_yield();
    const std::size_t at = taken_ + done;
    const std::size_t wanted = std::min(count - done, page_size - at % page_size);
    const char* bytes = static_cast<const char*>(pages_[at / page_size].data());
    if (TRY(to.put(bytes + at % page_size, wanted)) != wanted) return Error::fault;
    done += wanted;
  }
  return count;
}

}  // namespace cv6
