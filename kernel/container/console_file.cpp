#include "container/console_file.hpp"

#include <algorithm>

#include "fs/anonymous.hpp"
#include "sched/scheduler.hpp"

namespace cv6 {

namespace {

class ConsoleOutput final : public File, public Cached<ConsoleOutput, "console_output"> {
 public:
  ConsoleOutput(Ref<Inode> inode, Ref<Container> container, ContainerConsole::Stream stream, Ref<File> forward,
                Attach attach)
      : File(std::move(inode), Positions::none),
        container_(std::move(container)),
        stream_(stream),
        forward_(std::move(forward)),
        attached_(forward_ && attach == Attach::yes) {
    if (attached_) container_->console().attach(forward_);
  }
  ~ConsoleOutput() override {
    if (attached_) container_->console().detach(*forward_);
  }

  void describe(Output& out) const override { print(out, "anon_inode:[console of container {}]", container_->id()); }
  Ref<File> console_of(const Container& container) override {
    return container_.get() == &container ? Ref<File>(this) : nullptr;
  }
  UnixSocket* kept_socket() override { return forward_ ? forward_->kept_socket() : nullptr; }
  unsigned nesting() const override { return forward_ ? forward_->nesting() + 1 : 0; }
  PollEvents poll(PollWaiters* waiters) override { return forward_ ? forward_->poll(waiters) : poll_event::writable; }
  Result<std::size_t> readable_bytes() override { return forward_ ? forward_->readable_bytes() : Error::notty; }
  Result<long> control(unsigned request, std::uintptr_t argument) override {
    return forward_ ? forward_->control(request, argument) : Error::notty;
  }

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t) override { return forward_ ? forward_->read(to) : Error::badf; }
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t, std::uint64_t size_limit) override;

 private:
  Result<std::size_t> write_part(std::span<char> room, IoBuffer& from, std::uint64_t size_limit);

  Ref<Container> container_;
  ContainerConsole::Stream stream_;
  Ref<File> forward_;
  const bool attached_;
};

// What has been written where it is seen is what is logged.
Result<std::size_t> ConsoleOutput::write_part(std::span<char> room, IoBuffer& from, std::uint64_t size_limit) {
  std::size_t count = TRY(from.take(room.data(), std::min(room.size(), from.remaining())));
  if (forward_) {
    IoBuffer text = IoBuffer::kernel(std::span<const char>(room.data(), count));
    count = TRY(forward_->write(text, size_limit));
  }
  container_->console().append(stream_, room.first(count), container_->memory());
  return count;
}

Result<std::size_t> ConsoleOutput::do_write(IoBuffer& from, std::uint64_t, std::uint64_t size_limit) {
  if (nonblocking() && forward_ && !(forward_->poll(nullptr) & poll_event::out)) return Error::again;
  char few[256];
  Own<char[]> many;
  std::span<char> room = few;
  if (from.remaining() > sizeof few) {
    many.reset(new (std::nothrow) char[ContainerConsole::longest_entry]);
    if (many) room = {many.get(), ContainerConsole::longest_entry};
  }
  std::size_t done = 0;
  while (!from.empty()) {
    const std::size_t wanted = std::min(room.size(), from.remaining());
    const auto part = write_part(room, from, size_limit);
    if (!part && done == 0) return part;
    if (!part) break;
    done += *part;
    // What is behind it may take everything at once.
    if (*part < wanted || from.empty() || !sched::may_go_on()) break;
  }
  return done;
}

class ConsoleLog final : public File, public Cached<ConsoleLog, "console_log"> {
 public:
  // `terminal`: null for one that is only read.
  ConsoleLog(Ref<Inode> inode, Ref<Container> container, ConsoleView view, Ref<Pty> terminal)
      : File(std::move(inode), Positions::none),
        container_(std::move(container)),
        terminal_(std::move(terminal)),
        view_(view),
        position_(view.from == ConsoleView::From::now ? console().end() : 0) {}

  void describe(Output& out) const override { print(out, "anon_inode:[console log of container {}]", container_->id()); }
  PollEvents poll(PollWaiters* waiters) override {
    if (waiters) waiters->watch(console().readers());
    if (waiters && terminal_) waiters->watch(terminal_->link().master_queue());
    PollEvents events = 0;
    if (ready()) events |= poll_event::readable;
    if (terminal_ && terminal_->link().can_send()) events |= poll_event::writable;
    return events;
  }
  Result<long> control(unsigned request, std::uintptr_t argument) override {
    return terminal_ ? control_terminal(*terminal_, request, argument) : Error::notty;
  }

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t) override;
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t, std::uint64_t) override {
    return type_into(*terminal_, from, flags());  // who has none is not open for writing
  }

 private:
  ContainerConsole& console() const { return container_->console(); }
  bool ready() const {
    if (view_.at_end == ConsoleView::AtEnd::end) return true;
    if (console().has_more(position_.load(std::memory_order_relaxed))) return true;
    return container_->process_count() == 0 || container_->state() == Container::State::stopping;
  }
  static Result<void> put(IoBuffer& to, const ContainerConsole::Entry& entry, std::span<const char> text);

  Ref<Container> container_;
  Ref<Pty> terminal_;
  ConsoleView view_;
  Mutex mutex_;  // one reader after the other
  std::atomic<std::uint64_t> position_;  // changed with the mutex held
};

Result<void> ConsoleLog::put(IoBuffer& to, const ContainerConsole::Entry& entry, std::span<const char> text) {
  constexpr char padding[8] = {};
  TRY(to.put(&entry, sizeof entry));
  TRY(to.put(text.data(), text.size()));
  TRY(to.put(padding, -text.size() % 8));
  return {};
}

Result<std::size_t> ConsoleLog::do_read(IoBuffer& to, std::uint64_t) {
  constexpr std::size_t most = 2 * sizeof(ContainerConsole::Entry) + ContainerConsole::longest_entry;
  Own<char[]> room(new (std::nothrow) char[ContainerConsole::longest_entry]);
  if (!room) return Error::nomem;
  const std::size_t before = to.remaining();
  if (before < most) return Error::inval;
  if (nonblocking() && !ready()) return Error::again;
  if (!console().readers().wait([this] { return ready(); })) return Error::restart_if_asked;
  MutexGuard guard(mutex_);
  while (to.remaining() >= most) {
    ContainerConsole::Entry entry;
    std::uint64_t position = position_.load(std::memory_order_relaxed), lost = 0;
    if (!console().read(position, entry, {room.get(), ContainerConsole::longest_entry}, lost)) break;
    if (lost) TRY(put(to, {entry.time, static_cast<std::uint32_t>(lost), ContainerConsole::Stream::lost}, {}));
    TRY(put(to, entry, {room.get(), entry.size}));
    position_.store(position, std::memory_order_relaxed);
    if (!sched::may_go_on()) break;
  }
  return before - to.remaining();
}

}  // namespace

Result<Ref<File>> open_console_output(Ref<Container> container, ContainerConsole::Stream stream, Ref<File> forward,
                                      const Credentials& opener, Attach attach) {
  if (forward && forward->nesting() >= File::most_nested) return Error::loop;
  const OpenFlags access = open_flag::write | (forward && forward->readable() ? open_flag::read : 0);
  auto file = TRY(make<ConsoleOutput>(TRY(anonymous::make_device(0600)), std::move(container), stream, std::move(forward), attach));
  file->set_up({}, access, opener);
  return Ref<File>(std::move(file));
}

Result<Ref<File>> open_console_log(Ref<Container> container, ConsoleView view, OpenFlags flags, const Credentials& opener) {
  Ref<Pty> terminal;
  if (view.use == ConsoleView::Use::typing) {
    terminal = container->console().terminal();
    if (!terminal) return Error::notty;
    flags |= open_flag::write;
  }
  auto file = TRY(make<ConsoleLog>(TRY(anonymous::make_device(0400)), std::move(container), view, std::move(terminal)));
  file->set_up({}, flags | open_flag::read, opener);
  return Ref<File>(std::move(file));
}

}  // namespace cv6
