# Everything on a fresh machine: `make run` (the quick experiment) and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test test-slow test-browser lab lock bench sums

run: .venv/ready
	$(BIN)/labkit run

# One thread a test process: threads that wait for each other on a busy machine take thirty times as long.
test: .venv/ready-test
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

test-slow: .venv/ready-test
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "slow and not browser"

# In a real JupyterLab and Debian's Chromium, which is installed if that is possible; pictures of every test
# are in tests/browser/screenshots.
test-browser: .venv/ready-test
	OMP_NUM_THREADS=1 $(BIN)/pytest -m browser tests/browser

lab: .venv/ready
	$(BIN)/labkit lab

# The long measurements behind the README's figures; each carries on where it was stopped.
bench: .venv/ready
	for name in solvers sqd_controls noise resources interaction triplet learning photosensitiser \
	  load_model scheduling facility collectives training placement qpu_sharing projection journal; do $(BIN)/python benchmarks/$$name.py || exit 1; done

.venv/ready: binder/requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r binder/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/ready-test: .venv/ready tests/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.txt
	touch $@

# Checksums of everything that ships, but for the run to browse.
sums:
	cd data && find . -type f ! -name "SHA256SUMS*" ! -name "*.training.*" ! -path "./runs/*" | sed 's|^\./||' | LC_ALL=C sort | \
	xargs sha256sum > SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS

# Locks what pyproject.toml names, for every platform, with hashes and without index addresses.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command "make lock"

lock: .venv/ready
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) pyproject.toml --group build -o binder/requirements.txt
	$(LOCK) --group test -c binder/requirements.txt -o tests/requirements.txt
