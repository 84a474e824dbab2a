// An open terminal.
#pragma once

#include "fs/terminal/terminal.hpp"

namespace cv6 {

class TerminalFile final : public File {
 public:
  TerminalFile(Ref<Inode> node, Terminal& terminal) : File(std::move(node), Positions::none), terminal_(terminal) {}

  PollEvents poll(PollWaiters* waiters) override;
  Result<std::size_t> readable_bytes() override { return terminal_.tty().available(); }
  Result<long> control(unsigned request, std::uintptr_t argument) override;

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t offset) override;
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t offset, std::uint64_t size_limit) override;

 private:
  Result<std::size_t> wait_for_input(std::size_t wanted);
  Result<long> change_settings(std::uintptr_t argument, Tty::When when);
  Result<long> window_control(unsigned request, std::uintptr_t argument);
  Result<long> job_control(unsigned request, std::uintptr_t argument);
  Result<long> flow_control(unsigned request, std::uintptr_t argument);
  Tty& tty() { return terminal_.tty(); }

  Terminal& terminal_;  // lives forever
};

}  // namespace cv6
