#include "container/call_supervisor.hpp"

#include "container/container.hpp"

namespace cv6 {

Result<CallAnswer> CallSupervisor::ask(Question& question) {
  Held held{.question = &question};
  {
    SpinGuard guard(lock_);
    if (!attached_) return Error::perm;
    question.number = ++asked_;
    held_.push_back(held);
  }
  readers_.wake_all();
  const auto decided = [&] {
    SpinGuard guard(lock_);
    return held.state == Held::State::answered || held.state == Held::State::abandoned;
  };
  const Result<void> waited = askers_.wait(decided);
  {
    SpinGuard guard(lock_);
    held_.remove(held);
  }
  if (!waited) return Error::restart_if_asked;
  if (held.state == Held::State::abandoned) return Error::perm;
  return std::move(held.answer);
}

Result<void> CallSupervisor::attach() {
  SpinGuard guard(lock_);
  if (attached_) return Error::busy;
  attached_ = true;
  return {};
}

void CallSupervisor::detach() {
  {
    SpinGuard guard(lock_);
    attached_ = false;
    for (Held& held : held_)
      if (held.state != Held::State::answered) held.state = Held::State::abandoned;
  }
  askers_.wake_all();
}

CallSupervisor::Held* CallSupervisor::find_queued() {
  for (Held& held : held_)
    if (held.state == Held::State::queued) return &held;
  return nullptr;
}

bool CallSupervisor::has_next() {
  SpinGuard guard(lock_);
  return find_queued() != nullptr;
}

bool CallSupervisor::next(Question& question) {
  SpinGuard guard(lock_);
  Held* held = find_queued();
  if (!held) return false;
  held->state = Held::State::shown;
  question = *held->question;
  return true;
}

Result<void> CallSupervisor::answer(std::uint64_t number, CallAnswer answer) {
  {
    SpinGuard guard(lock_);
    Held* found = nullptr;
    for (Held& held : held_)
      if (held.state == Held::State::shown && held.question->number == number) found = &held;
    if (!found) return Error::noent;
    std::swap(found->answer, answer);
    found->state = Held::State::answered;
  }
  askers_.wake_all();
  return {};
}

}  // namespace cv6
