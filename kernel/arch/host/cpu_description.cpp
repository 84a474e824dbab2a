#include "arch/cpu_description.hpp"

namespace cv6::arch {

void describe_cpu(unsigned cpu, Output& out) {
  print(out, "processor\t: {}\nmodel name\t: simulated\nflags\t\t:\n\n", cpu);
}

}  // namespace cv6::arch
