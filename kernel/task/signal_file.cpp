#include "task/signal_file.hpp"

#include <algorithm>

#include "fs/anonymous.hpp"
#include "task/signal_calls.hpp"

namespace cv6 {

namespace {

// struct signalfd_siginfo, signalfd(2).
struct SignalRecord {
  std::uint32_t number;
  std::int32_t error, code;
  std::uint32_t process, user;
  std::int32_t descriptor;
  std::uint32_t timer, band, overrun, trap;
  std::int32_t status, value_int;
  std::uint64_t value, user_time, system_time, address;
  std::uint8_t unused[48];
};
static_assert(sizeof(SignalRecord) == 128);

SignalRecord record_of(const SignalInfo& info) {
  SignalRecord record{};
  record.number = static_cast<std::uint32_t>(info.number);
  record.error = info.error;
  record.code = info.code;
  switch (info.kind) {
    case SignalInfo::Kind::queued:
      record.value = info.value;
      record.value_int = static_cast<std::int32_t>(info.value);
      [[fallthrough]];
    case SignalInfo::Kind::sent:
      record.process = static_cast<std::uint32_t>(info.process);
      record.user = info.user;
      break;
    case SignalInfo::Kind::timer:
      record.timer = static_cast<std::uint32_t>(info.timer);
      record.overrun = static_cast<std::uint32_t>(info.overrun);
      record.value = info.value;
      record.value_int = static_cast<std::int32_t>(info.value);
      break;
    case SignalInfo::Kind::child:
      record.process = static_cast<std::uint32_t>(info.process);
      record.user = info.user;
      record.status = info.status;
      record.user_time = static_cast<std::uint64_t>(info.user_time);
      record.system_time = static_cast<std::uint64_t>(info.system_time);
      break;
    case SignalInfo::Kind::fault: record.address = info.address; break;
    case SignalInfo::Kind::io:
      record.band = static_cast<std::uint32_t>(info.band);
      record.descriptor = info.descriptor;
      break;
  }
  return record;
}

}  // namespace

Result<SignalNews*> SignalNews::of(Process& process) {
  if (SignalNews* news = process.signal_news.load(std::memory_order_acquire)) return news;
  Ref<SignalNews> fresh = TRY(make<SignalNews>());
  SignalNews* other = nullptr;
  if (!process.signal_news.compare_exchange_strong(other, fresh.get(), std::memory_order_acq_rel)) return other;
  return fresh.leak();
}

SignalFile::SignalFile(Ref<Inode> inode, SignalSet wanted)
    : File(std::move(inode), Positions::none, FileKind::signals), wanted_(wanted.bits()) {}

Result<Ref<File>> SignalFile::open(SignalSet wanted, OpenFlags flags, const Credentials& credentials) {
  Ref<SignalFile> file = TRY(make<SignalFile>(TRY(anonymous::make_device(0600)), wanted));
  file->set_up({}, flags | open_flag::read | open_flag::write, credentials);
  return Ref<File>(std::move(file));
}

void SignalFile::change(SignalSet wanted) {
  wanted_.store(wanted.bits(), std::memory_order_relaxed);
  if (SignalNews* news = Process::current().signal_news.load(std::memory_order_acquire)) news->queue.wake_all();
}

bool SignalFile::ready() const {
  const UserThread& thread = UserThread::current();
  return !((thread.pending.set() | thread.process().pending.set()) & wanted()).empty();
}

// The news of processes that are no more are forgotten when others come.
Result<void> SignalFile::watch(PollWaiters& waiters) {
  SignalNews& news = *TRY(SignalNews::of(Process::current()));
  MutexGuard guard(mutex_);
  Ref<SignalNews>* place = nullptr;
  for (Ref<SignalNews>& held : news_) {
    if (held == &news) {
      waiters.watch(news.queue, poll_event::readable);
      return {};
    }
    if (held->references() == 1 && !held->queue.anyone_waiting()) place = &held;
  }
  if (place) *place = Ref<SignalNews>(&news);
  else TRY(news_.push_back(Ref<SignalNews>(&news)));
  waiters.watch(news.queue, poll_event::readable);
  return {};
}

PollEvents SignalFile::poll(PollWaiters* waiters) {
  if (waiters && !watch(*waiters)) waiters->note_no_memory();
  return ready() ? poll_event::in : PollEvents{0};
}

Result<std::size_t> SignalFile::do_read(IoBuffer& to, std::uint64_t) {
  if (to.remaining() < sizeof(SignalRecord)) return Error::inval;
  UserThread& thread = UserThread::current();
  SignalNews& news = *TRY(SignalNews::of(thread.process()));
  while (to.remaining() >= sizeof(SignalRecord)) {
    if (const auto info = take_signal(thread, SignalSet::all() - wanted())) {
      const SignalRecord record = record_of(*info);
      const auto put = to.put(&record, sizeof record);
      if (!put && to.moved() < sizeof record) return put;
      if (!put) break;
      continue;
    }
    if (to.moved()) break;
    if (nonblocking()) return Error::again;
    if (!news.queue.wait([this] { return ready(); })) return Error::restart_if_asked;
  }
  return to.moved();
}

}  // namespace cv6
