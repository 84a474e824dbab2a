#include "task/process.hpp"

#include <algorithm>

#include "arch/clock.hpp"
#include "task/barrier.hpp"
#include "task/messages.hpp"
#include "task/process_tree.hpp"
#include "task/signal_file.hpp"

namespace cv6 {

namespace {

// Long lists are compared as objects only: this is done under a lock.
bool are_same_groups(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  constexpr std::size_t compared = 64;
  if (a.size() != b.size()) return false;
  return a.data() == b.data() || (a.size() <= compared && std::equal(a.begin(), a.end(), b.begin()));
}

}  // namespace

Result<Ref<Executable>> Executable::create(Path path) {
  Inode& inode = path.inode();
  TRY(inode.begin_executing());
  auto made = make<Executable>(std::move(path));
  if (!made) inode.end_executing();
  return made;
}

Executable::~Executable() { path_.inode().end_executing(); }

Result<Ref<Process>> Process::create(Ref<Pid> pid, Parts parts) {
  const Ref<Container> container = parts.container;
  if (!container->tasks().charge(1)) return Error::again;
  auto made = make<Process>(std::move(pid), std::move(parts));
  if (!made) container->tasks().uncharge(1);
  return made;
}

Process::Process(Ref<Pid> pid, Parts parts)
    : parts_(std::move(parts)),
      pid_(std::move(pid)),
      number_(pid_->number_in(*parts_.container)),
      start_time_(arch::monotonic_now()) {
  parts_.account->tasks.fetch_add(1, std::memory_order_relaxed);
}

Process::~Process() {
  parts_.account->tasks.fetch_sub(1, std::memory_order_relaxed);
  uncount();
  if (SignalNews* news = signal_news.load(std::memory_order_relaxed)) news->release();
}

void Process::uncount() {
  if (std::exchange(counted_, false)) parts_.container->tasks().uncharge(1);
}

Ref<AddressSpace> Process::hold_address_space() {
  SpinGuard guard(lock_);
  return parts_.address_space;
}
Path Process::hold_root() {
  SpinGuard guard(lock_);
  return parts_.fs ? parts_.fs->root() : Path();
}
Ref<const Credentials> Process::hold_credentials() {
  SpinGuard guard(lock_);
  return parts_.credentials;
}
Ref<Container> Process::hold_container() {
  SpinGuard guard(lock_);
  return parts_.container;
}
Ref<UserAccount> Process::hold_account() {
  SpinGuard guard(lock_);
  return parts_.account;
}
FixedString<15> Process::shown_name() {
  const Ref<UserThread> thread = some_thread();
  return thread ? thread->name : name_at_end;
}
int Process::shown_nice() {
  const Ref<UserThread> thread = some_thread();
  return thread ? thread->nice() : nice_at_end;
}

Ref<UserThread> Process::some_thread() {
  SpinGuard guard(lock_);
  for (UserThread& thread : threads)
    if (thread.tid() == pid_) return Ref<UserThread>(&thread);
  return Ref<UserThread>(threads.front());
}

Process::FormerIdentity* Process::find_former(auto matches) {
  for (FormerIdentity& one : former_)
    if (matches(one)) return &one;
  return nullptr;
}

Result<bool> Process::set_identity(const Credentials& seen, Ref<const Credentials> fresh, Ref<UserAccount> account,
                                   Own<FormerIdentity> former) {
  const Ref<const Credentials> old_credentials(&seen);  // goes after the lock, as does the next
  const Ref<UserAccount> old_account = hold_account();
  SpinGuard guard(lock_);
  if (parts_.credentials != old_credentials) return false;
  const auto is_kept = [&](const Ref<const Credentials>& credentials, const Ref<UserAccount>& user) {
    return find_former([&](const FormerIdentity& one) { return one.credentials == credentials && one.account == user; });
  };
  // To one that it had before it may always go: that makes one more at most.
  if (former && former_count_ >= most_former && !is_kept(fresh, account ? account : parts_.account)) return Error::again;
  if (former && !is_kept(parts_.credentials, parts_.account)) {
    ++former_count_;
    former->credentials = parts_.credentials;
    former->account = parts_.account;
    former_.push_front(*former.release());
  }
  if (fresh->ids().effective_user != old_credentials->ids().effective_user) dumpable = false;
  // One pointer each becomes another one: whoever looks at them meanwhile finds the one or the other.
  parts_.credentials = std::move(fresh);
  if (!account) return true;
  const std::uint64_t tasks = thread_count();
  account->tasks.fetch_add(tasks, std::memory_order_relaxed);
  parts_.account->tasks.fetch_sub(tasks, std::memory_order_relaxed);
  parts_.account = std::move(account);
  return true;
}

Ref<const Credentials> Process::former_credentials(const Identities& ids, std::span<const std::uint32_t> groups) {
  SpinGuard guard(lock_);
  FormerIdentity* found = find_former([&](const FormerIdentity& one) {
    return one.credentials->ids() == ids && are_same_groups(one.credentials->supplementary_groups(), groups);
  });
  return found ? found->credentials : nullptr;
}

void Process::drop_former_identities() {
  for (Own<FormerIdentity> former;;) {
    {
      SpinGuard guard(lock_);
      former.reset(former_.pop_front());
    }
    if (!former) return;
    former.reset();
    sched::maybe_yield();
  }
}

bool Process::is_session_leader() const { return pid_->session != nullptr && pid_->session->leader == this; }

}  // namespace cv6
