#include "task/user_thread.hpp"

#include "mm/payer.hpp"
#include "sync/per_cpu.hpp"
#include "task/process.hpp"
#include "task/send_signal.hpp"

namespace cv6 {

namespace {

constinit PerCpu<const UserThread*> fpu_owner;  // whose floating-point registers the processor has
alignas(ObjectCache) constinit std::byte fpu_cache_place[sizeof(ObjectCache)] = {};
constinit ObjectCache* fpu_images = nullptr;

}  // namespace

void initialise_user_threads() { fpu_images = new (fpu_cache_place) ObjectCache("fpu_image", arch::fpu_image_size(), 64); }

UserThread::UserThread(Process& process, Ref<Pid> tid)
    : Thread(process.container().sched_context()),
      process_(Ref<Process>(&process).leak()),
      pays_(process.container_ref()),
      space_(&process.address_space()),
      tid_(std::move(tid)),
      number_(tid_->number_in(process.container())) {}

Result<Ref<UserThread>> UserThread::create(Process& process, Ref<Pid> tid, void (*entry)(void*)) {
  auto* thread = new (std::nothrow) UserThread(process, std::move(tid));
  if (!thread) return Error::nomem;
  auto made = Ref<UserThread>::adopt(thread);
  thread->fpu_image_ = fpu_images->take();
  if (!thread->fpu_image_) return Error::nomem;
  TRY(thread->prepare(entry, thread));
  return made;
}

UserThread::~UserThread() {
  if (fpu_image_) fpu_images->give(fpu_image_);
  process_->release();
}

int UserThread::number_for_log() const { return process_->number(); }

void UserThread::entering_cpu() {
  if (space_) space_->activate();
  payer::set(pays_->payer());
  allocation_failures::set(&failures);
  arch::load_thread_pointers(pointers);
  add_work(work_fpu);
  const auto now = static_cast<std::int64_t>(__builtin_readcyclecounter());
  system_cycles_ -= now;
  all_cycles_ -= now;
}

void UserThread::leaving_cpu() {
  if (!has_work(work_fpu)) {
    arch::fpu_save(fpu_image_);
    fpu_cpu_ = arch::cpu_index();
  }
  arch::save_thread_pointers(pointers);
  if (space_) space_->deactivate();
  const auto now = static_cast<std::int64_t>(__builtin_readcyclecounter());
  system_cycles_ += now;
  all_cycles_ += now;
  ++(state() == State::parked ? voluntary_switches_ : involuntary_switches_);
}

void UserThread::use_address_space(AddressSpace* space) {
  if (space) space->activate();
  if (space_) space_->deactivate();
  space_ = space;
}

void UserThread::prepare_to_enter_user() {
  if (!has_work(work_fpu)) return;
  const unsigned cpu = arch::cpu_index();
  const UserThread*& owner = fpu_owner.here();
  if (owner != this || fpu_cpu_ != cpu) {
    arch::fpu_load(fpu_image_);
    owner = this;
    fpu_cpu_ = cpu;
  }
  remove_work(work_fpu);
}

void* UserThread::save_fpu() {
  if (!has_work(work_fpu)) arch::fpu_save(fpu_image_);
  return fpu_image_;
}

bool UserThread::save_fpu_to_user(std::uintptr_t to) {
  prepare_to_enter_user();
  return arch::fpu_save_to_user(to);
}

bool UserThread::load_fpu_from_user(std::uintptr_t from) {
  // Before the load: whoever's registers are there now, they are gone.
  fpu_owner.here() = this;
  fpu_cpu_ = arch::cpu_index();
  if (arch::fpu_load_from_user(from)) {
    remove_work(work_fpu);
    return true;
  }
  fpu_cpu_ = ~0u;
  add_work(work_fpu);
  return false;
}

void* UserThread::change_fpu() {
  save_fpu();
  fpu_cpu_ = ~0u;
  add_work(work_fpu);
  return fpu_image_;
}

void UserThread::reset_fpu() {
  fpu_cpu_ = ~0u;
  add_work(work_fpu);
  arch::fpu_initialise(fpu_image_);
}

// Copied whole: saving to fresh memory would leave parts of an image as they were there, and those are checked at a load.
void UserThread::inherit_fpu(UserThread& caller) {
  std::memcpy(fpu_image_, caller.save_fpu(), arch::fpu_image_size());
}

void UserThread::set_pointers(const arch::ThreadPointers& fresh) {
  arch::save_thread_pointers(pointers);
  pointers = fresh;
  arch::load_thread_pointers(pointers);
}

UserThread::Times UserThread::times() const {
  const auto total = static_cast<std::uint64_t>(cpu_time());
  const auto now = static_cast<std::int64_t>(__builtin_readcyclecounter());
  const std::int64_t system_so_far = system_cycles_, all_so_far = all_cycles_;
  auto system = static_cast<std::uint64_t>(system_so_far < 0 ? system_so_far + now : system_so_far);
  auto all = static_cast<std::uint64_t>(all_so_far < 0 ? all_so_far + now : all_so_far);
  while ((all | system) >> 31) {  // so that the product below fits
    all >>= 1;
    system >>= 1;
  }
  if (system >= all) return {0, static_cast<Nanoseconds>(total)};  // looked at between two of its steps
  const std::uint64_t user = all - system;
  const std::uint64_t user_time = total / all * user + total % all * user / all;
  return {static_cast<Nanoseconds>(user_time), static_cast<Nanoseconds>(total - user_time)};
}

void UserThread::set_mask(SignalSet mask) {
  const SignalSet blocked = mask - signal::unblockable, given_up = blocked - this->mask();
  mask_.store(blocked.bits(), std::memory_order_seq_cst);  // then the look at what is pending: see PendingSignals::set
  const SignalSet of_process = process_->pending.set();
  if (!((pending.set() | of_process) - blocked).empty()) notice_signals();
  if (!(of_process & given_up).empty()) [[unlikely]] pass_on_pending(*this, given_up);
}

// Nothing that is pending becomes deliverable to this thread by it.
void UserThread::block(SignalSet more) {
  const SignalSet before = mask(), given_up = more - signal::unblockable - before;
  mask_.store((before | given_up).bits(), std::memory_order_seq_cst);
  if (!(process_->pending.set() & given_up).empty()) [[unlikely]] pass_on_pending(*this, given_up);
}

void UserThread::set_temporary_mask(SignalSet temporary) {
  saved_mask_ = mask();
  has_saved_mask_ = true;
  set_mask(temporary);
}

void UserThread::restore_mask() {
  if (!has_saved_mask_) return;
  has_saved_mask_ = false;
  set_mask(saved_mask_);
}

SignalSet UserThread::take_saved_mask() {
  if (!has_saved_mask_) return mask();
  has_saved_mask_ = false;
  return saved_mask_;
}

// Who destroys a frozen container waits for its processes to end, and some may be ending already.
bool UserThread::may_be_stopped() const { return !process_->ending(); }

Ref<Container> UserThread::move_to(Container& container) {
  sched::move(*this, container.sched_context());
  if (this == &sched::current()) payer::set(container.payer());
  return std::exchange(pays_, Ref<Container>(&container));
}

Ref<Pid> UserThread::hold_tid() const {
  SpinGuard guard(process_->lock());
  return tid_;
}

void UserThread::exchange_number(Ref<Pid>& pid) {
  pid->thread = std::exchange(tid_->thread, nullptr);  // null: it has ended, and is not found any more
  {
    SpinGuard guard(process_->lock());  // others hold it: hold_tid()
    std::swap(tid_, pid);
  }
  set_number(tid_->number_in(process_->container()));
}

}  // namespace cv6
