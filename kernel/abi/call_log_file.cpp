#include "abi/call_log_file.hpp"

#include "abi/call_format.hpp"
#include "arch/clock.hpp"
#include "container/end_watch.hpp"
#include "fs/anonymous.hpp"
#include "fs/real_time.hpp"
#include "mm/payer.hpp"

namespace cv6::abi {

namespace {

class CallLogFile final : public File, public Charged<CallLogFile, "call_log_file"> {
 public:
  CallLogFile(Ref<Inode> inode, Ref<Container> container, CallLogView view)
      : File(std::move(inode), Positions::none),
        watch_(std::move(container)),
        view_(view),
        next_(view.from == CallLogView::From::now ? log().extent().recorded : 0) {}

  void describe(Output& out) const override { print(out, "anon_inode:[calls of container {}]", watch_.container().id()); }
  PollEvents poll(PollWaiters* waiters) override {
    if (waiters) waiters->watch(log().readers());
    return log().has_record(next_.load(std::memory_order_relaxed)) || ended() ? poll_event::readable : PollEvents{0};
  }

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t) override;

 private:
  CallLog& log() const { return watch_.container().gate().log(); }
  // Nothing more is to be expected.
  bool ended() const { return view_.at_end == CallLogView::AtEnd::end || watch_.over(); }
  Result<void> wait();
  void print_record(Output& out, const CallRecord& record) const;

  EndWatch watch_;
  CallLogView view_;
  Mutex mutex_;                      // one reader after the other
  std::atomic<std::uint64_t> next_;  // the number of the next record; changed with the mutex held
};

Result<void> CallLogFile::wait() {
  const std::uint64_t next = next_.load(std::memory_order_relaxed);
  if (log().has_record(next) || ended()) return {};
  if (nonblocking()) return Error::again;
  if (!log().wait_for(next, [this] { return ended(); })) return Error::restart_if_asked;
  return {};
}

void CallLogFile::print_record(Output& out, const CallRecord& record) const {
  Nanoseconds started = 0;
  if (view_.times == CallLogView::Times::yes)
    started = real_time_now() - time_of_cycles(arch::cycles() - record.started);
  print_call(out, record, started, time_of_cycles(record.duration));
}

Result<std::size_t> CallLogFile::do_read(IoBuffer& to, std::uint64_t) {
  TRY(wait());
  MutexGuard guard(mutex_);
  std::size_t moved = 0;
  while (true) {
    CallRecord record;
    std::uint64_t next = next_.load(std::memory_order_relaxed), lost = 0;
    if (!log().read(next, record, lost)) return moved;
    char bytes[longest_call];
    BufferOutput line(bytes);
    if (lost) print(line, "--- {} calls lost ---\n", lost);
    print_record(line, record);
    if (to.remaining() < line.view().size()) {
      if (moved == 0) return Error::inval;
      return moved;
    }
    moved += TRY(to.put(line.view().data(), line.view().size()));
    next_.store(next, std::memory_order_relaxed);
    if (!sched::may_go_on()) return moved;
  }
}

}  // namespace

Result<Ref<File>> open_call_log(Ref<Container> container, CallLogView view, OpenFlags flags, const Credentials& opener) {
  Ref<Inode> inode = TRY(anonymous::make_device(0400));
  Ref<CallLogFile> file = TRY(make<CallLogFile>(std::move(inode), std::move(container), view));
  file->set_up({}, flags | open_flag::read, opener);
  return Ref<File>(std::move(file));
}

Nanoseconds time_of_cycles(std::uint64_t cycles) {
  const std::uint64_t rate = arch::cycles_per_second();
  if (rate == 0) return 0;
  return static_cast<Nanoseconds>(cycles / rate * nanoseconds_per_second + cycles % rate * nanoseconds_per_second / rate);
}

}  // namespace cv6::abi
