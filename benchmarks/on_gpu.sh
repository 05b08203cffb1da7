#!/usr/bin/env bash
# All that needs a CUDA device, in one command: the tests, then extraction at InternVL3-8B's shapes; about five minutes.
#
#     bash benchmarks/on_gpu.sh [FOLDER]      the output of each step is also kept in FOLDER
#
# A step that fails does not stop the next one; the exit status says whether all went well. Only the plugins that the
# tests need are loaded, and warnings are no errors: other packages of such a machine bring their own.
set -uo pipefail
cd "$(dirname "$0")/.."
out=${1:-build/on_gpu}
mkdir -p "$out"
export PYTHONPATH=$PWD:$PWD/cli${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1 PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
status=0

step() { # name, seconds it may take, command
  local name=$1 limit=$2 begin=$SECONDS
  shift 2
  echo "== $name: $*"
  timeout "$limit" "$@" 2>&1 | tee "$out/$name.txt" || status=1
  echo "== $name took $((SECONDS - begin)) s"
}

pytest=(python -m pytest -p xdist.plugin -p pytest_timeout -p no:cacheprovider -q -n 6 -W default)
step tests 120 "${pytest[@]}" tests/test_cuda.py tests/extraction
step whole 220 python benchmarks/gpu.py --segments 480 --kernels
step larger_batches 90 python benchmarks/gpu.py --segments 64 --batch-size 8
step compiled 150 python benchmarks/gpu.py --segments 64 --compile --kernels
exit $status
