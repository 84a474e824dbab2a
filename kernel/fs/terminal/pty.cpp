#include "fs/terminal/pty.hpp"

#include <algorithm>

#include "fs/terminal/devpts.hpp"
#include "fs/terminal/requests.hpp"
#include "sched/pace.hpp"

namespace cv6 {

// --- both ends ----------------------------------------------------------------------------------------------------------

static_assert(sizeof(Pty) <= 4 * page_size);

Pty::Pty(Ref<PtyFileSystem> instance)
    : Terminal(port, make_device(slave_major, 0), WindowSize{0, 0, 0, 0}), instance_(std::move(instance)) {}

Result<Ref<Pty>> Pty::create(FileSystem& file_system) {
  PtyFileSystem* instance = PtyFileSystem::of(file_system);
  if (!instance) return Error::notty;
  Ref<Pty> pty = TRY(make<Pty>(Ref<PtyFileSystem>(instance)));
  TRY(instance->enlist(*pty));
  TRY(pty->initialise());
  pty->node_ = TRY(instance->make_node(pty->number()));
  instance->set_named(*pty, PtyFileSystem::Named::yes);
  return pty;
}

Pty::~Pty() { instance_->remove(*this); }

void Pty::close_master() {
  instance_->set_named(*this, PtyFileSystem::Named::no);
  port.close();
}

Result<Ref<File>> open_slave(Pty& pty, const Path& at, const Caller& caller, OpenFlags flags) {
  char text[12];
  Ref<Dentry> entry = TRY(at.dentry->look_up(ComponentName::of(format_to(text, "{}", pty.number()))));
  if (entry->negative()) return Error::io;  // the master has just gone
  return open_path(caller, {at.mount, std::move(entry)}, flags);
}

constexpr std::size_t chunk_size = 256;
constexpr unsigned chunks_between_yields = 16;

Result<std::size_t> type_into(Pty& pty, IoBuffer& from, OpenFlags flags) {
  char bytes[chunk_size];
  sched::Pace pace(chunks_between_yields);
  while (!from.empty()) {
    // The terminal drops what is too much for a line: the end may be far away without there ever being no room.
    if (!pace.may_go_on()) break;
    const Result<std::size_t> count = from.take(bytes, chunk_size);
    if (!count) return from.moved() ? Result<std::size_t>(from.moved()) : count;
    const Result<std::size_t> sent = pty.link().send(std::span(bytes).first(*count));
    from.give_back(*count - (sent ? *sent : 0));
    if (sent) continue;
    Result<void> go_on = sent.error();
    if (sent.error() == Error::again && !(flags & open_flag::nonblock))
      go_on = restartable(pty.link().master_queue().wait([&] { return pty.link().can_send(); }));
    if (!go_on) return from.moved() ? Result<std::size_t>(from.moved()) : go_on.error();
  }
  return from.moved();
}

// --- the master's file --------------------------------------------------------------------------------------------------

namespace {

class PtyMaster final : public File, public Charged<PtyMaster, "pty_master", charged_beside_file> {
 public:
  PtyMaster(Ref<Inode> node, Ref<Pty> pty) : File(std::move(node), Positions::none), pty_(std::move(pty)) {}
  ~PtyMaster() override { pty_->close_master(); }

  Pty& pty() const { return *pty_; }
  PollEvents poll(PollWaiters* waiters) override;
  Result<std::size_t> readable_bytes() override { return link().waiting(); }
  Result<long> control(unsigned request, std::uintptr_t argument) override;

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t offset) override;
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t, std::uint64_t) override {
    return type_into(*pty_, from, flags());
  }

 private:
  PtyPort& link() const { return pty_->link(); }
  bool ready_to_read() const { return link().waiting() != 0 || link().slave_gone(); }
  Result<long> change_lock(Pty::Lock lock);

  Ref<Pty> pty_;
  std::atomic<bool> granted_{false};
};

// What has been printed comes first, then the news that nobody is there any more.
Result<std::size_t> PtyMaster::do_read(IoBuffer& to, std::uint64_t) {
  char bytes[chunk_size];
  sched::Pace pace(chunks_between_yields);
  while (!to.empty()) {
    if (!pace.may_go_on() && to.moved()) break;
    const bool gone = link().slave_gone();
    const Result<std::size_t> count = link().receive(std::span(bytes).first(std::min(to.remaining(), chunk_size)));
    if (count) {
      const Result<std::size_t> put = to.put(bytes, *count);
      if (!put && to.moved() == 0) return put;
      if (put && *count == chunk_size) continue;
      return to.moved();
    }
    if (to.moved()) break;
    if (gone) return Error::io;
    if (nonblocking()) return Error::again;
    TRY(restartable(link().master_queue().wait([this] { return ready_to_read(); })));
  }
  return to.moved();
}

PollEvents PtyMaster::poll(PollWaiters* waiters) {
  if (waiters) waiters->watch(link().master_queue());
  PollEvents events = 0;
  if (link().slave_gone()) events |= poll_event::hang_up;
  if (link().waiting() != 0) events |= poll_event::readable;
  if (link().can_send()) events |= poll_event::writable;
  return events;
}

// Nobody can open the slave before it is unlocked for the first time: then it becomes the property of who opened the master.
Result<long> PtyMaster::change_lock(Pty::Lock lock) {
  if (lock == Pty::Lock::open && !granted_.exchange(true, std::memory_order_relaxed))
    pty_->node()->set_owner(credentials().ids().file_user, tty_group);
  pty_->set_lock(lock);
  return 0;
}

// Most requests mean the terminal, from whichever end they come.
Result<long> PtyMaster::control(unsigned request, std::uintptr_t argument) {
  using namespace terminal_request;
  switch (request) {
    case get_number: return give(argument, pty_->number());
    case get_lock: return give(argument, int{pty_->locked()});
    case set_lock: return change_lock(TRY(get<int>(argument)) ? Pty::Lock::locked : Pty::Lock::open);
    case get_foreground: return give(argument, pty_->jobs().foreground_group_for_master());
    case get_session: {
      const int session = pty_->jobs().session_for_master();
      return session ? give(argument, session) : Error::notty;
    }
    case flush_queue:  // what comes in here has gone out there
      if (argument == input_queue) return control_terminal(*pty_, request, output_queue);
      if (argument == output_queue) return control_terminal(*pty_, request, input_queue);
      [[fallthrough]];
    default: return control_terminal(*pty_, request, argument);
  }
}

// Which of File's kinds it is cannot be asked; all open files of this node are masters.
const PtyMaster* master_of(const File& file) {
  if (file.path_only() || file.inode().represents() != ptmx_device) return nullptr;
  if (!PtyFileSystem::of(file.inode().file_system())) return nullptr;
  return static_cast<const PtyMaster*>(&file);
}

}  // namespace

Result<Ref<File>> open_pty_master(Inode& node) {
  Ref<Pty> pty = TRY(Pty::create(node.file_system()));
  auto file = make<PtyMaster>(Ref<Inode>(&node), pty);
  if (!file) pty->close_master();
  return Ref<File>(TRY(std::move(file)));
}

Result<Ref<File>> open_pty_peer(File& file, const Caller& caller, OpenFlags flags) {
  const PtyMaster* master = master_of(file);
  if (!master) return file.job_control() ? Error::io : Error::notty;
  const Ref<Mount>& mount = file.path().mount;
  return open_slave(master->pty(), {mount, Ref<Dentry>(&mount->root())}, caller, flags);
}

}  // namespace cv6
