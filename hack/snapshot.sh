#!/usr/bin/env bash
# Builds a release of the current commit for every platform, twice, in clones at different places, and insists on the
# same checksums, and on programs of at most 90 MB. What was built is left in dist/.
#
#   hack/snapshot.sh GORELEASER SKIP [VERSION]
set -euo pipefail
releaser=$1 skip=$2 version=${3:-$(sed -n 's/^## \([0-9][0-9.]*\).*/\1/p' CHANGELOG.md | head -1)}
version=${version:-0.0.0}
work=$(mktemp -d) sums=()
trap 'rm -rf "$work"' EXIT
# On a busy machine six platforms take longer than the hour that goreleaser gives itself.
for build in first another/second; do
	git clone -q . "$work/$build"
	git -C "$work/$build" tag -f "v$version" >/dev/null
	(cd "$work/$build" && "$releaser" release --clean --timeout 4h --skip="$skip,validate")
	sums[${#sums[@]}]=$work/$build/dist/flux-handover_${version}_checksums.txt
done
diff "${sums[0]}" "${sums[1]}"
echo "both builds have the same checksums"
large=$(find "$work/first/dist" -mindepth 2 -type f -size +90000000c)
if [ -n "$large" ]; then
	printf 'larger than 90 MB:\n%s\n' "$large" >&2
	exit 1
fi
rm -rf dist && mv "$work/first/dist" dist
