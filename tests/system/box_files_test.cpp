// What `box` does with the files of containers, as docker users type it: diff, cp, images, volumes, archives.
#include <gtest/gtest.h>

#include "support/command.hpp"

namespace cv6::test {
namespace {

constexpr char try_it[] = "try() { echo \"> $*\"; \"$@\" 2>&1; echo \"= $?\"; }\n";

TEST(BoxFiles, DiffTellsWhatHasChanged) {
  const Completed done = run_shell(std::string(try_it) + R"(
    box run --name a sh -c 'echo new > /new; mkdir /opt; echo x > /opt/x; rm /bin/vi; echo more >> /etc/motd'
    try box diff a
    try box diff --format json a
    try box diff nowhere
  )");
  EXPECT_EQ(done.output, R"(> box diff a
C /bin
D /bin/vi
C /etc
C /etc/motd
A /new
A /opt
A /opt/x
= 0
> box diff --format json a
[
 {"kind": "changed", "path": "/bin"},
 {"kind": "removed", "path": "/bin/vi"},
 {"kind": "changed", "path": "/etc"},
 {"kind": "changed", "path": "/etc/motd"},
 {"kind": "added", "path": "/new"},
 {"kind": "added", "path": "/opt"},
 {"kind": "added", "path": "/opt/x"}
]
= 0
> box diff nowhere
box: nowhere: no such container (`box ls` shows all)
= 125
)") << done.error;
}

// A name may be any bytes; one from inside neither commands the terminal nor begins a line of its own.
TEST(BoxFiles, NamesAreShownAsText) {
  const Completed done = run_shell(std::string(try_it) + R"sh(
    box run --name a sh -c 'touch "$(printf "/e\033[31m\351")" /räksmörgås'
    try box diff a
    try box diff --format json a
    try box cp "$(printf 'a:/none\033c')" x
    box run -d --name t sh -c 'printf "#!/bin/sh\nsleep 1000\n" > "$(printf "/p\033[2J\nfake")"; exec sh "$(printf "/p\033[2J\nfake")"' >/dev/null
    until box top t | grep -q "sh /p"; do usleep 10000; done
    box top t | grep -o 'sh /p.*'
  )sh");
  EXPECT_EQ(done.output, R"(> box diff a
A /e\033[31m\351
A /räksmörgås
= 0
> box diff --format json a
[
 {"kind": "added", "path": "/e\u001b[31m)" "\xef\xbf\xbd" R"("},
 {"kind": "added", "path": "/räksmörgås"}
]
= 0
)" "> box cp a:/none\033c x\n" R"(box: a:/none\033c: No such file or directory
= 125
sh /p\033[2J\012fake
)") << done.error;
}

TEST(BoxFiles, CopiesInAndOut) {
  const Completed done = run_shell(std::string(try_it) + R"(
    cd /tmp
    box run --name a sh -c 'mkdir -p /d/e; echo inside > /d/e/f; ln -s e/f /d/l; chmod 640 /d/e/f; touch -d "2001-02-03 04:05:06" /d/e/f'
    try box cp a:/d/e/f file; cat file; ls -l --full-time file | sed 's/ .* 0 *7 / /; s/:06 .*/:06/'
    try box cp a:/d new; find new | sort
    mkdir there
    try box cp a:/d there; find there | sort
    try box cp a:/d/. there; find there | sort
    try box cp a:/d/l link; readlink link
    try box cp -L a:/d/l followed; cat followed
    echo outside > out
    try box cp out a:/d
    try box cp out a:/d/e/f
    try box exec a cat /d/out /d/e/f
    try box cp out a:/none/x
    try box cp out a:/none/
    try box cp there a:/d/out
    try box cp a:/none x
    try box cp out out2
    try box cp a:/d a:/copy
    try box exec a ls /copy
    box cp a:/d - | tar t | sort
    tar c out file | box cp - a:/copy; box exec a ls /copy
    try box cp - a:/none < out
  )");
  EXPECT_EQ(done.output, R"(> box cp a:/d/e/f file
= 0
inside
-rw-r-----    1 root     root             7 2001-02-03 04:05:06
> box cp a:/d new
= 0
new
new/e
new/e/f
new/l
> box cp a:/d there
= 0
there
there/d
there/d/e
there/d/e/f
there/d/l
> box cp a:/d/. there
= 0
there
there/d
there/d/e
there/d/e/f
there/d/l
there/e
there/e/f
there/l
> box cp a:/d/l link
= 0
e/f
> box cp -L a:/d/l followed
= 0
inside
> box cp out a:/d
= 0
> box cp out a:/d/e/f
= 0
> box exec a cat /d/out /d/e/f
outside
outside
= 0
> box cp out a:/none/x
box: a:/none/x: No such file or directory
= 125
> box cp out a:/none/
box: a:/none/: there is no such directory (`mkdir` makes it)
= 125
> box cp there a:/d/out
box: a:/d/out: is a file, and a directory is to be copied there
= 125
> box cp a:/none x
box: a:/none: No such file or directory
= 125
> box cp out out2
box: out, out2: neither is in a container (`cp` copies here; CONTAINER:PATH names a container's)
= 125
> box cp a:/d a:/copy
= 0
> box exec a ls /copy
e
l
out
= 0
d/
d/e/
d/e/f
d/l
d/out
e
file
l
out
> box cp - a:/none
box: a:/none: No such file or directory
= 125
)") << done.error;
}

TEST(BoxFiles, ImagesAreMadeUsedAndRemoved) {
  const Completed done = run_shell(std::string(try_it) + R"(
    box run --name a sh -c 'echo hello > /hello; rm /bin/vi'
    try box commit -c 'CMD ["cat", "hello"]' -c 'ENV MINE=yes' -c 'WORKDIR /place' a mine
    try box images -q
    try box run --rm mine sh -c 'pwd; echo $MINE; ls /bin/vi; ls /var/lib'
    try box run --rm -w / mine
    try box run --name b mine sh -c 'echo changed > /hello; cat /hello'
    try box diff b
    box create --name c -v /etc:/e:ro mine cat /hello > /dev/null
    box inspect c | grep -A3 '"image"'; box rm c > /dev/null
    try box run --rm -w / mine
    try box commit a mine
    try box commit a no/name
    try box rmi mine
    box rm b
    try box rmi mine none
    try box images -q
    try box run --rm mine
    find /var/lib/box
  )");
  EXPECT_EQ(done.output, R"(> box commit -c CMD ["cat", "hello"] -c ENV MINE=yes -c WORKDIR /place a mine
mine
= 0
> box images -q
mine
= 0
> box run --rm mine sh -c pwd; echo $MINE; ls /bin/vi; ls /var/lib
/place
yes
ls: /bin/vi: No such file or directory
= 0
> box run --rm -w / mine
hello
= 0
> box run --name b mine sh -c echo changed > /hello; cat /hello
changed
= 0
> box diff b
C /hello
= 0
      "image": "mine",
      "volumes": [
        "/etc:/e:ro"
      ]
> box run --rm -w / mine
hello
= 0
> box commit a mine
box: mine: an image has that name already (choose another, or `box rmi` it)
= 125
> box commit a no/name
box: no/name: not a name for an image (1 to 128 letters, digits, `.`, `_`, `-`, `:`)
= 125
> box rmi mine
box: mine: container b uses it (`box rm b` first; -f removes the image under it)
= 1
b
> box rmi mine none
box: none: no such image (`box images` shows all)
mine
= 1
> box images -q
= 0
> box run --rm mine
box: mine: no such program in the container
= 127
/var/lib/box
/var/lib/box/images
)") << done.error;
}

TEST(BoxFiles, ArchivesGoOutAndComeBack) {
  const Completed done = run_shell(std::string(try_it) + R"(
    cd /; printf '%s\n' bin bin/busybox bin/sh bin/ls bin/cat bin/ln bin/mkdir usr usr/bin usr/bin/cut usr/bin/tr usr/bin/mkfifo etc etc/passwd |
      cpio -o -H newc 2>/dev/null | box import - small
    box run --name a small sh -c 'echo one > /one; ln /one /two; ln -s one /link; mkfifo /fifo; mkdir /full; echo x > "/full/räksmörgås"'
    try box export -o /tmp/a.tar a
    box export a | cmp - /tmp/a.tar
    gzip /tmp/a.tar
    try box import -c 'CMD cat one' /tmp/a.tar.gz
    try box run --rm a
    try box run --rm a sh -c 'ls -l /one /link /fifo | cut -c1-14; cat /full/*; ls / | tr "\n" " "; ls /proc/1/exe'
    try box import /etc/motd
    try box import - < /etc/motd
    try box import /none x
    find /var/lib/box -maxdepth 2 | sort
  )");
  EXPECT_EQ(done.output, R"(small
> box export -o /tmp/a.tar a
= 0
> box import -c CMD cat one /tmp/a.tar.gz
a
= 0
> box run --rm a
one
= 0
> box run --rm a sh -c ls -l /one /link /fifo | cut -c1-14; cat /full/*; ls / | tr "\n" " "; ls /proc/1/exe
prw-r--r--    
lrwxrwxrwx    
-rw-r--r--    
x
bin dev etc fifo full link one proc tmp two usr /proc/1/exe
= 0
> box import /etc/motd
box: /etc/motd: Unrecognized archive format (tar and cpio are known, also compressed by gzip or xz)
= 125
> box import -
box: import: a name for the image is wanted (box import - NAME)
= 125
> box import /none x
box: /none: No such file or directory
= 125
/var/lib/box
/var/lib/box/images
/var/lib/box/images/a
/var/lib/box/images/small
)") << done.error;
}

TEST(BoxFiles, AnArchiveThatLeadsOutIsRefused) {
  const Completed done = run_shell(std::string(try_it) + R"(
    mkdir /work; cd /work; echo evil > x; ln -s / up
    tar cf up.tar up
    mkdir up2; mv up up-link; mkdir up; echo evil > up/evil; tar cf through.tar up/evil
    head -c 512 up.tar > both.tar; cat through.tar >> both.tar
    try box import both.tar both
    ls /evil /var/lib/box/images/both/root
    echo evil > /out; (mkdir -p a/b; cd a/b; printf '../../../out\n' | cpio -o -H newc 2>/dev/null > /work/out.cpio)
    try box import out.cpio out
    ls -a /var/lib/box/images
  )");
  EXPECT_EQ(done.output, R"(> box import both.tar both
both
= 0
/var/lib/box/images/both/root:
dev
evil
proc
tmp
up
> box import out.cpio out
box: out.cpio: the name ../../../out leads out of where it is unpacked
= 125
.
..
both
)") << done.error;
}

// In cpio the last name of a file brings its data; here it is a second name of a FIFO, which nobody reads.
TEST(BoxFiles, DataForASecondNameGoesIntoFilesOnly) {
  const Completed done = run_shell(std::string(try_it) + R"sh(
    cd /tmp
    entry() { printf '070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\0' $1 $2 0 0 $3 0 $4 0 0 0 0 $((${#5} + 1)) 0 "$5"; }
    archive() { entry 5 $1 2 0 d; entry 5 $((0100644)) 2 4 e; printf data; entry 0 0 1 0 'TRAILER!!!'; printf '\0\0\0'; }
    archive $((0010644)) > fifo.cpio; archive $((0100644)) > file.cpio
    try box import fifo.cpio
    try box import file.cpio
    try box run --rm -v /bin:/bin file cat /d /e
    ls -A /var/lib/box/images
  )sh");
  EXPECT_EQ(done.output, R"(> box import fifo.cpio
box: fifo.cpio: /e has data, and is another name of what is not a regular file
= 125
> box import file.cpio
file
= 0
> box run --rm -v /bin:/bin file cat /d /e
datadata= 0
file
)") << done.error;
}

// Whatever is found in the place of a file that was there just now, box neither waits for it nor reads on and on.
TEST(BoxFiles, CopiesWhileFilesAreExchanged) {
  const Completed done = run_shell(R"(
    cd /tmp
    box run -d --name a sh -c 'while :; do echo x > /f; rm /f; mkfifo /f; rm /f; mknod /f c 1 5; rm /f; done' >/dev/null
    for i in $(seq 50); do
      box cp a:/f copy 2>/dev/null; box cp a:/f - 2>/dev/null | tar t >/dev/null 2>&1
      find copy -size +1 2>/dev/null
      rm -f copy
    done
    box rm -f a; echo done
  )");
  EXPECT_EQ(done.output, "a\ndone\n") << done.error;
}

TEST(BoxFiles, AttributesAreKept) {
  const Completed done = run_shell(R"(
    cd /tmp
    box run --name a sh -c 'umask 0; mkdir -m 2750 /d; echo x > /d/f; chmod 4711 /d/f; mkfifo -m 666 /d/p; ln -s f /d/l; chown 12:34 /d/f; chmod 4711 /d/f'
    umask 077; box cp -a a:/d here; box cp -a a:/d - | box cp -a - a:/tmp; box cp -a a:/tmp/d there
    for d in here there; do stat -c '%a %u %g %F' $d $d/f $d/p $d/l; done
  )");
  constexpr char once[] = "2750 0 0 directory\n4711 12 34 regular file\n666 0 0 fifo\n777 0 0 symbolic link\n";
  EXPECT_EQ(done.output, std::string(once) + once) << done.error;
}

TEST(BoxFiles, WhatIsInterruptedIsTakenBack) {
  const Completed done = run_shell(R"sh(
    cd /tmp; images=/var/lib/box/images
    begun() { until ls -A $images 2>/dev/null | grep -q -e '^[.]' -e '^half$'; do :; done; }
    mkfifo pipe; sleep 1000 > pipe &
    box import - never < pipe & begun; kill -TERM $!; wait $!; echo $?; ls -A $images
    box run -d --name a sh -c 'mkdir /d; for i in $(seq 2000); do echo $i > /d/$i; done; echo ready; sleep 1000' >/dev/null
    until box logs a | grep -q ready; do usleep 10000; done
    box commit a half >/dev/null 2>&1 & begun; kill -TERM $!; wait $!
    box ls | grep -c frozen; ls -A $images | grep -v '^half$'; box rmi -f half >/dev/null 2>&1
    mkdir -p $images/.left.99999/root $images/.mine.$$; echo x > $images/.left.99999/root/x
    box commit a whole; ls -A $images | sed "s/$$/HERE/"
  )sh");
  EXPECT_EQ(done.output, "143\n0\nwhole\n.mine.HERE\nwhole\n");
  EXPECT_EQ(done.error, "box: ended by SIGTERM; what was begun is taken back\n");
}

TEST(BoxFiles, AnArchiveThatIsNotWholeIsRemoved) {
  const Completed done = run_shell(R"sh(
    box run --name a sh -c 'n=$(printf %0150d 0); for i in $(seq 20); do p=$p/$n; done; mkdir -p $p /x$p; mv /x $p'
    box export -o /tmp/a.tar a 2>&1 | grep -o 'File name too long'; test -e /tmp/a.tar && echo left
    box export -o /dev/null a 2>/dev/null; echo $?; ls /dev/null
  )sh");
  EXPECT_EQ(done.output, "File name too long\n125\n/dev/null\n") << done.error;
}

TEST(BoxFiles, VolumesAndReadOnly) {
  const Completed done = run_shell(std::string(try_it) + R"(
    mkdir /data; echo outside > /data/f
    try box run --rm -v /data:/mnt/d sh -c 'cat /mnt/d/f; echo inside > /mnt/d/f; ls /mnt/d/..'
    cat /data/f
    try box run --rm -v /data:/mnt/d:ro sh -c 'echo x > /mnt/d/f'
    try box run --rm -v /data/f:/etc/motd:ro cat /etc/motd
    cd /data; try box run --rm -v ./made:/made -v /data:/data touch /made/x; ls /data/made
    try box run --rm --read-only -v /data:/new/place sh -c 'echo x > /x; echo y > /new/place/y; echo z > /dev/null'
    cat /data/y; ls -d /new
    try box run --rm -v data:/x true
    try box run --rm -v /data:x true
    try box run --rm -v /data true
    try box run --rm -v /data:/x:rx true
    box ls -q
  )");
  EXPECT_EQ(done.output, R"(> box run --rm -v /data:/mnt/d sh -c cat /mnt/d/f; echo inside > /mnt/d/f; ls /mnt/d/..
outside
d
= 0
inside
> box run --rm -v /data:/mnt/d:ro sh -c echo x > /mnt/d/f
sh: can't create /mnt/d/f: Read-only file system
= 1
> box run --rm -v /data/f:/etc/motd:ro cat /etc/motd
inside
= 0
> box run --rm -v ./made:/made -v /data:/data touch /made/x
= 0
x
> box run --rm --read-only -v /data:/new/place sh -c echo x > /x; echo y > /new/place/y; echo z > /dev/null
sh: can't create /x: Read-only file system
= 0
y
> box run --rm -v data:/x true
box: -v data:/x: named volumes are not known; give a path (./data)
= 125
> box run --rm -v /data:x true
box: -v /data:x: HOST:INSIDE is wanted, perhaps with :ro, and INSIDE begins with /
= 125
> box run --rm -v /data true
box: -v /data: HOST:INSIDE is wanted, perhaps with :ro, and INSIDE begins with /
= 125
> box run --rm -v /data:/x:rx true
box: -v /data:/x:rx: HOST:INSIDE is wanted, perhaps with :ro, and INSIDE begins with /
= 125
)") << done.error;
}

TEST(BoxFiles, DiskLimit) {
  const Completed done = run_shell(std::string(try_it) + R"(
    try box run --name a --disk 100k sh -c 'dd if=/dev/zero of=/big bs=4k count=100 2>/dev/null; ls -l /big | cut -c30-43; rm /big; echo x > /small'
    box inspect a | grep -A4 '"disk"'
    try box run --rm --disk lots true
  )");
  EXPECT_EQ(done.output, R"(> box run --name a --disk 100k sh -c dd if=/dev/zero of=/big bs=4k count=100 2>/dev/null; ls -l /big | cut -c30-43; rm /big; echo x > /small
        102400
= 0
      "disk": {
        "limit": 102400,
        "current": 4096,
        "peak": 102400,
        "refusals": 1
> box run --rm --disk lots true
box: --disk lots: a size such as 64m, or `unlimited` is wanted
= 125
)") << done.error;
}

}  // namespace
}  // namespace cv6::test
