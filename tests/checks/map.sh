# Prints lib/tcptale.map for a library that has never been released: one node with all that the headers name.
# After a release a new function goes by hand into a new node, chained to the last.
set -eu
echo "/* Every exported symbol; a node per minor release, chained to the one before. */"
echo "TCPTALE_0.9 {"
echo "global:"
sh tests/checks/api.sh | sed 's/.*/  &;/'
echo "local:"
echo "  *;"
echo "};"
