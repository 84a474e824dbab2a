# The two kinds of C++ program outside the kernel. Link to one of these, or use the functions.
#
#   cv6-warnings       the warnings that every part of the tree compiles without
#   cv6-host           programs that run on the developer's machine (runner, image tool, tests of them)
#   cv6-guest          programs that run in cv6: static, small, without exceptions
#   cv6_guest_program(NAME SOURCE...)   an executable of the second kind
find_package(Threads REQUIRED)

add_library(cv6-warnings INTERFACE)
target_compile_options(cv6-warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
  -Wno-gnu-statement-expression-from-macro-expansion -Wno-gnu-statement-expression -Wnon-virtual-dtor -Wimplicit-fallthrough
  -Werror)

# libc++, because the C++ library of Debian 12's gcc has neither <format> nor <print>.
add_library(cv6-host INTERFACE)
# They wait more than they compute: that they are built quickly is worth more than optimising them.
target_compile_options(cv6-host INTERFACE -stdlib=libc++ -O0 -g1)
target_link_options(cv6-host INTERFACE -stdlib=libc++ -static-libstdc++ -fuse-ld=lld)
target_include_directories(cv6-host INTERFACE "${CMAKE_SOURCE_DIR}/host")
target_link_libraries(cv6-host INTERFACE cv6-warnings Threads::Threads)

add_library(cv6-guest INTERFACE)
target_compile_options(cv6-guest INTERFACE -Os -fno-exceptions -fno-rtti -ffunction-sections -fdata-sections)
target_link_options(cv6-guest INTERFACE -static -fuse-ld=lld -Wl,--gc-sections -Wl,--icf=safe)
target_link_libraries(cv6-guest INTERFACE cv6-warnings)

function(cv6_guest_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE cv6-guest)
endfunction()
