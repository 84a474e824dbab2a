// cv6-run: boots cv6 in QEMU and stands between it and the terminal. The story of a run:
//   options.hpp      what is asked for
//   additions.hpp    the guest's root, with what --add brings
//   accelerator.hpp  whether KVM works here
//   machine.hpp      QEMU's command line
//   session.hpp      the machine runs; terminal, standard input and output are passed through
//   fetch.hpp        what --get brings back
//   kernel_log.hpp   why the kernel gave up, if it did
// and at the end, here, one line about whatever went wrong, and the exit status.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <print>

#include "run/additions.hpp"
#include "run/kernel_log.hpp"
#include "run/session.hpp"

namespace cv6::host {
namespace {

constexpr int status_machine_failed = 125;
constexpr std::uintmax_t least_room = 4 << 20;  // beside the image, for the kernel to start

namespace fs = std::filesystem;

// The folder of this build: this program is in its host/run/.
fs::path build_folder() { return fs::read_symlink("/proc/self/exe").parent_path().parent_path().parent_path(); }

// The builds lie side by side. All use the runner and the image of one; only the kernel differs.
fs::path kernel_of(const Options& options) {
  if (!options.kernel.empty()) return options.kernel;
  return (options.build.empty() ? build_folder() : build_folder().parent_path() / options.build) / "kernel/cv6.elf";
}

class Run {
 public:
  Run(const Options& options, ScratchFolder scratch) : options_(options), scratch_(std::move(scratch)) {}

  // Returns the exit status, if nothing else went wrong.
  Outcome<int> all() {
    Machine machine{.options = options_,
                    .accelerator = Accelerator::tcg,
                    .kernel = kernel_of(options_),
                    .image = options_.image.empty() ? build_folder() / "cv6.cpio" : fs::path(options_.image),
                    .kernel_log = -1,
                    .gdb_socket = {},
                    .ports = {}};
    CV6_TRY(open_to_read(machine.kernel));
    CV6_TRY(open_to_read(machine.image));
    CV6_CHECK(add_files(machine));
    CV6_CHECK(check_memory(machine.image));
    log_path_ = options_.kernel_log.empty() ? scratch_.path() / "kernel.log" : fs::path(options_.kernel_log);
    const Descriptor log = CV6_TRY(create_log());
    machine.kernel_log = log.number();
    if (options_.debugger == Debugger::gdb) machine.gdb_socket = scratch_.path() / "gdb";
    if (options_.timing == Timing::wall_clock && options_.processor == Processor::fastest) {
      machine.accelerator =
          choose_accelerator(build_folder() / "host/run/kvm-probe.elf", build_folder() / "accelerator");
    }
    Session* session = CV6_TRY(Session::start(std::move(machine), scratch_.path())).release();  // never destroyed
    result_ = session->run();
    return report();
  }

  // The signal that is to end this process, or 0.
  [[nodiscard]] int signal() const {
    return result_.output_error == EPIPE && result_.signal == 0 ? SIGPIPE : result_.signal;
  }

 private:
  Outcome<> add_files(Machine& machine) {
    if (options_.additions.empty()) return {};
    const fs::path base = machine.image;
    machine.image = scratch_.path() / "root.cpio";
    const Outcome<> written = write_image_with(options_.additions, base, machine.image);
    if (!written && written.error().text.contains(scratch_.path().string()))
      return failure("{} (TMPDIR names another folder for it)", written.error().text);
    return written;
  }

  // The loader puts the image over the kernel if both do not fit.
  [[nodiscard]] Outcome<> check_memory(const fs::path& image) const {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(image, error);
    if (error || size + least_room <= options_.memory) return {};
    return failure("--memory {}M: too little for the files of the guest (at least {}M)", options_.memory >> 20,
                   (size + least_room + 0xfffff) >> 20);
  }

  Outcome<Descriptor> create_log() {
    Outcome<Descriptor> log = create_file(log_path_);
    if (!log && !options_.kernel_log.empty()) return failure("--kernel-log {}", log.error().text);
    return log;
  }

  Outcome<int> report() {
    if (signal() != 0 || result_.left) return 0;
    if (result_.output_error) return failure("standard output: {}", std::strerror(result_.output_error));
    for (const std::string& complaint : result_.fetch_complaints) std::println(stderr, "cv6: {}", complaint);
    const bool switched_off = WIFEXITED(result_.qemu_status) &&
                              WEXITSTATUS(result_.qemu_status) == status_switched_off &&
                              result_.qemu_complaints.empty();
    if (result_.ending && (switched_off || result_.stuck || was_reset())) {
      if (result_.stuck) std::println(stderr, "cv6: the guest did not switch itself off, and was stopped");
      const int status = status_of(*result_.ending);
      return status == 0 && !result_.fetch_complaints.empty() ? 1 : status;
    }
    if (switched_off && options_.command.empty()) return 0;  // poweroff -f
    return explain_failure(switched_off);
  }

  // A triple fault does this as well, but not after the job has ended.
  bool was_reset() const { return WIFEXITED(result_.qemu_status) && WEXITSTATUS(result_.qemu_status) == 0; }

  static int status_of(const protocol::Ending& ending) {
    const int number = static_cast<int>(ending.number);
    return ending.how == protocol::How::signalled ? 128 + number : number;
  }

  // One line for every way in which the machine can end before its job.
  int explain_failure(bool switched_off) {
    const int status = result_.qemu_status;
    if (WIFEXITED(status) && WEXITSTATUS(status) == status_panicked) {
      explain_panic();
    } else if (switched_off) {
      std::println(stderr, "cv6: the machine was switched off before the command ended");
    } else if (was_reset()) {
      std::println(stderr, "cv6: the machine reset itself before the command ended; kernel log: {}", keep_log());
    } else if (!result_.qemu_complaints.empty()) {
      std::println(stderr, "cv6: QEMU failed: {}", result_.qemu_complaints);
    } else if (WIFSIGNALED(status)) {
      std::println(stderr, "cv6: QEMU was ended by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
    } else {
      std::println(stderr, "cv6: QEMU ended with status {}; kernel log: {}", WEXITSTATUS(status), keep_log());
    }
    return status_machine_failed;
  }

  void explain_panic() {
    std::error_code error;
    const bool readable = fs::is_regular_file(log_path_, error);  // and not a terminal or a pipe
    const LastWords words = last_words(readable ? read_text(log_path_).value_or("") : "");
    for (const std::string& line : words.report) std::println(stderr, "{}", line);
    std::println(stderr, "cv6: the kernel {}: {}; log: {}", words.report.empty() ? "gave up" : "panicked", words.reason,
                 keep_log());
  }

  // A log in the scratch folder moves to where it outlives this run.
  std::string keep_log() {
    if (!options_.kernel_log.empty()) return log_path_;
    const fs::path kept = scratch_.path().string() + ".log";
    std::error_code error;
    fs::rename(log_path_, kept, error);
    return error ? "(lost)" : kept.string();
  }

  const Options& options_;
  ScratchFolder scratch_;
  fs::path log_path_;
  Result result_;
};

// What was started with a standard descriptor closed must not get a file of ours in its place.
void ensure_standard_descriptors() {
  for (int descriptor = 0; descriptor < 3; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) < 0) ::open("/dev/null", O_RDWR);
  }
}

struct Exit {
  int status;
  int signal;
};

Exit run(const Options& options) {
  Outcome<ScratchFolder> scratch = ScratchFolder::create();
  Outcome<int> status = std::unexpected(Failure{});
  int signal = 0;
  if (scratch) {
    Run run(options, std::move(*scratch));
    status = run.all();
    signal = run.signal();
  } else {
    status = std::unexpected(scratch.error());
  }
  if (status) return {*status, signal};
  std::println(stderr, "cv6: {}", status.error().text);
  return {1, signal};
}

}  // namespace
}  // namespace cv6::host

int main(int count, char** arguments) {
  using namespace cv6::host;
  ensure_standard_descriptors();
  const auto parsed = parse_options(count, arguments);
  if (const auto* finished = std::get_if<Finished>(&parsed)) return finished->status;
  const Exit exit = run(std::get<Options>(parsed));
  if (exit.signal != 0) {
    ::signal(exit.signal, SIG_DFL);
    sigset_t only;
    ::sigemptyset(&only);
    ::sigaddset(&only, exit.signal);
    ::raise(exit.signal);
    ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
  }
  ::_exit(exit.status);  // Threads may still wait for input.
}
