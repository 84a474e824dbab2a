# From `nm --numeric-sort --demangle` to the table that symbols.cpp reads: addresses, and where each name begins.
BEGIN {
  print "  .section .symbols, \"a\""
}
$2 ~ /^[tTwW]$/ {
  name = $0
  sub(/^[^ ]+ [^ ]+ /, "", name)
  gsub(/\(anonymous namespace\)::/, "", name)
  gsub(/\[clone[^\]]*\]/, "", name)
  gsub(/cv6::/, "", name)
  gsub(/["\\]/, "", name)
  print "  .long 0x" substr($1, 9) ", " length(names)
  names = names substr(name, 1, 80) "\001"
}
END {
  print "  .section .symbol_names, \"a\""
  print "  .global symbol_names\nsymbol_names:"
  count = split(names, list, "\001")
  for (i = 1; i < count; ++i) print "  .asciz \"" list[i] "\""
}
