// An open terminal.
#pragma once

#include "fs/terminal/terminal.hpp"
#include "mm/payer.hpp"

namespace cv6 {

class TerminalFile final : public File, public Charged<TerminalFile, "terminal_file", charged_beside_file> {
 public:
  TerminalFile(Ref<Inode> node, Ref<Terminal> terminal)
      : File(std::move(node), Positions::none), terminal_(std::move(terminal)) {
    terminal_->file_opened();
  }
  ~TerminalFile() override { terminal_->file_closed(); }

  PollEvents poll(PollWaiters* waiters) override;
  Result<std::size_t> readable_bytes() override { return tty().available(); }
  JobControl* job_control() override { return &terminal_->jobs(); }
  Result<long> control(unsigned request, std::uintptr_t argument) override;

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t offset) override;
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t offset, std::uint64_t size_limit) override;

 private:
  Result<std::size_t> wait_for_input(std::size_t wanted);
  Result<void> read_chunks(IoBuffer& to);
  Result<std::size_t> write_chunks(IoBuffer& from);
  Result<void> write_chunk(IoBuffer& from);
  Tty& tty() { return terminal_->tty(); }

  Ref<Terminal> terminal_;
};

}  // namespace cv6
