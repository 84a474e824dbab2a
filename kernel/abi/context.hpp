// Who makes a system call: looked up once at entry, passed to every handler.
#pragma once

#include "arch/context.hpp"
#include "container/container.hpp"
#include "task/process.hpp"
#include "task/user_thread.hpp"

namespace cv6 {

struct Context {
  UserThread& thread;
  Process& process;
  Container& container;  // where the process is now
  arch::UserRegisters& registers;
  std::uint64_t started;  // when the kernel was entered, in cycles
};

}  // namespace cv6
