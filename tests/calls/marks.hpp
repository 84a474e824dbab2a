// What must be the same on the host after every round.
#pragma once

#include <string>

namespace cv6::calls {

// Of the host: every name of its files with mode, owner, size, times and links, the contents of what was put there for this,
// its mounts, its name, its containers.
std::string host_marks();

// Milliseconds from the clock that nobody can set to the one that the host can.
long clock_offset();

// The first line that differs; empty: none.
std::string difference(const std::string& before, const std::string& after);

// Puts /fuzz-mark there: files that containers find, and whose change shows.
void put_mark();

}  // namespace cv6::calls
