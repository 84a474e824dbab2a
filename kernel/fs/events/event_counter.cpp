#include "fs/events/event_counter.hpp"

#include "fs/anonymous.hpp"
#include "mm/payer.hpp"

namespace cv6 {

namespace {

class EventCounter final : public File, public Charged<EventCounter, "event_counter"> {
 public:
  EventCounter(Ref<Inode> inode, std::uint64_t value, EventReads reads)
      : File(std::move(inode), Positions::none), value_(value), reads_(reads), number_(next_number()) {}

  void describe(Output& out) const override { print(out, "anon_inode:[eventfd]"); }
  void print_details(Output& out) override {
    print(out, "eventfd-count: {:>16x}\neventfd-id: {}\neventfd-semaphore: {}\n", value(), number_, reads_ == EventReads::one ? 1 : 0);
  }
  PollEvents poll(PollWaiters* waiters) override;

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t) override;
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t, std::uint64_t) override;

 private:
  static constexpr std::uint64_t most = UINT64_MAX - 1;
  static std::uint64_t next_number() {
    static constinit std::atomic<std::uint64_t> next{0};
    return next.fetch_add(1, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_acquire); }
  // What is read; 0: there was nothing.
  std::uint64_t take();
  bool add(std::uint64_t count);

  std::atomic<std::uint64_t> value_;
  const EventReads reads_;
  const std::uint64_t number_;  // among all of them, for /proc
  WaitQueue readable_, writable_;
};

PollEvents EventCounter::poll(PollWaiters* waiters) {
  if (waiters) {
    waiters->watch(readable_, poll_event::readable);
    waiters->watch(writable_, poll_event::writable);
  }
  const std::uint64_t now = value();
  return static_cast<PollEvents>((now != 0 ? poll_event::in : 0) | (now < most ? poll_event::out : 0));
}

std::uint64_t EventCounter::take() {
  std::uint64_t now = value();
  while (now != 0) {
    const std::uint64_t taken = reads_ == EventReads::one ? 1 : now;
    if (value_.compare_exchange_weak(now, now - taken, std::memory_order_acq_rel)) return taken;
  }
  return 0;
}

bool EventCounter::add(std::uint64_t count) {
  std::uint64_t now = value();
  do {
    if (count > most - now) return false;
  } while (!value_.compare_exchange_weak(now, now + count, std::memory_order_acq_rel));
  return true;
}

Result<std::size_t> EventCounter::do_read(IoBuffer& to, std::uint64_t) {
  std::uint64_t taken;
  if (to.remaining() < sizeof taken) return Error::inval;
  while ((taken = take()) == 0) {
    if (nonblocking()) return Error::again;
    if (!readable_.wait([this] { return value() != 0; })) return Error::restart_if_asked;
  }
  writable_.wake_all();
  return to.put(&taken, sizeof taken);
}

Result<std::size_t> EventCounter::do_write(IoBuffer& from, std::uint64_t, std::uint64_t) {
  std::uint64_t count;
  if (from.remaining() < sizeof count) return Error::inval;
  if (TRY(from.take(&count, sizeof count)) != sizeof count) return Error::fault;
  if (count > most) return Error::inval;
  while (!add(count)) {
    if (nonblocking()) return Error::again;
    if (!writable_.wait([&] { return count <= most - value(); })) return Error::restart_if_asked;
  }
  readable_.wake_all();
  return sizeof count;
}

}  // namespace

Result<Ref<File>> make_event_counter(std::uint64_t value, EventReads reads, OpenFlags flags, const Credentials& credentials) {
  Ref<EventCounter> file = TRY(make<EventCounter>(TRY(anonymous::make_device(0600)), value, reads));
  file->set_up({}, flags | open_flag::read | open_flag::write, credentials);
  return Ref<File>(std::move(file));
}

}  // namespace cv6
