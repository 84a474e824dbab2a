// The words of box: what may follow `box` on the command line. Each is described to CLI11 by a function of its own, in the
// file that does its work; main.cpp lists them. When the word was given, its callback does the work and sets box's exit
// status; it may throw Failure.
#pragma once

#include <CLI/CLI.hpp>

namespace cv6::box {

void add_run(CLI::App& box, int& status);
void add_create(CLI::App& box, int& status);
void add_exec(CLI::App& box, int& status);
void add_start(CLI::App& box, int& status);
void add_attach(CLI::App& box, int& status);
void add_stop(CLI::App& box, int& status);
void add_kill(CLI::App& box, int& status);
void add_pause(CLI::App& box, int& status);  // and unpause
void add_wait(CLI::App& box, int& status);
void add_rename(CLI::App& box, int& status);
void add_rm(CLI::App& box, int& status);
void add_prune(CLI::App& box, int& status);
void add_ls(CLI::App& box, int& status);
void add_inspect(CLI::App& box, int& status);
void add_logs(CLI::App& box, int& status);
void add_top(CLI::App& box, int& status);
void add_stats(CLI::App& box, int& status);
void add_fds(CLI::App& box, int& status);
void add_trace(CLI::App& box, int& status);
void add_sched(CLI::App& box, int& status);
void add_mem(CLI::App& box, int& status);
void add_diff(CLI::App& box, int& status);
void add_cp(CLI::App& box, int& status);
void add_commit(CLI::App& box, int& status);
void add_export(CLI::App& box, int& status);
void add_import(CLI::App& box, int& status);
void add_images(CLI::App& box, int& status);
void add_rmi(CLI::App& box, int& status);
void add_update(CLI::App& box, int& status);
void add_policy(CLI::App& box, int& status);
void add_supervise(CLI::App& box, int& status);

}  // namespace cv6::box
