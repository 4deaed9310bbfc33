#!/bin/sh
# assay registries, as a user runs it: the table, one entry, resolve, check, --json.
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
# Nothing of this machine's configuration may count.
HOME=$dir XDG_CONFIG_HOME=$dir/config
export HOME XDG_CONFIG_HOME
unset MLFLOW_TRACKING_URI MLFLOW_REGISTRY_URI MODEL_REGISTRY_BASE_URL AWS_ACCOUNT_ID \
    AWS_ENDPOINT_URL_SAGEMAKER GOOGLE_CLOUD_PROJECT CLOUDSDK_CORE_PROJECT DATABRICKS_HOST \
    AZUREML_REGISTRY_NAME AZUREML_ARM_SUBSCRIPTION AZURE_SUBSCRIPTION_ID \
    AZUREML_ARM_WORKSPACE_NAME CLEARML_API_HOST CLEARML_WEB_HOST GITLAB_URL CI_SERVER_URL \
    CI_PROJECT_ROOT_NAMESPACE

ok() { # NAME STATUS: 0 is good
    n=$((n + 1))
    if [ "$2" -eq 0 ]; then echo "ok $n - $1"; else
        echo "not ok $n - $1"
        sed 's/^/# /' "$dir/out" "$dir/err"
    fi
}
# run EXPECTED-EXIT ARGUMENTS...: stdout and stderr in $dir/out, $dir/err
run() {
    want=$1
    shift
    "$ASSAY" registries "$@" >"$dir/out" 2>"$dir/err"
    [ $? -eq "$want" ]
}
has() { grep -qF -- "$1" "$dir/out"; }
says() { grep -qF -- "$1" "$dir/err"; }
# json EXPRESSION: of the answer `a`
json() { /usr/bin/python3 -c 'import json,sys; a=json.load(open(sys.argv[1])); sys.exit(not eval(sys.argv[2]))' "$dir/out" "$1"; }

run 0 && [ "$(grep -c . "$dir/out")" -eq 26 ]
ok "the table has 23 rows, a heading and a legend" $?
diff -u tests/golden/registries.txt "$dir/out" >"$dir/err"
ok "ids, names, levels, APIs and URLs are those of the table" $?

run 0 --json && json 'len(a["registries"]) == 23 and a["registries"][7]["id"] == "huggingface"'
ok "the table as JSON" $?
keys=$(/usr/bin/python3 -c 'import json,sys; print(" ".join(json.load(open(sys.argv[1]))["registries"][0]))' "$dir/out")
missing=""
for key in $keys; do grep -q "| \`$key\` |" docs/registries.md || missing="$missing $key"; done
echo "missing:$missing" >"$dir/err"
[ -z "$missing" ]
ok "every JSON key is documented" $?

run 0 huggingface && has "Check author, downloads, model card" && has "hf:[//]ORG/MODEL[@REVISION]" &&
    has "HF_TOKEN" && has "registries.d/huggingface.json"
ok "one entry tells advice, forms, variables and its file" $?
run 0 --json huggingface && json 'a["advice"] == "Check author, downloads, model card" and a["location"] is None'
ok "one entry as JSON" $?
run 4 nosuch && says 'no registry "nosuch"'
ok "an unknown id is a usage error" $?

run 0 resolve hf:org/model@607a30d783dfa663caf39e06633721c8d4cfcd7e && has "HuggingFace Hub (huggingface)" &&
    has "org/model" && has "yes, it names one version" && has "medium: "
ok "resolve says what a reference means" $?
run 0 resolve --json https://civitai.com/models/3036?modelVersionId=9857 &&
    json 'a["registry"] == "civitai" and a["trust"] == "low" and a["revision"] == "9857" and a["pinned"] is False'
ok "resolve as JSON" $?
keys=$(/usr/bin/python3 -c 'import json,sys; print(" ".join(json.load(open(sys.argv[1]))))' "$dir/out")
missing=""
for key in $keys; do grep -q "| \`$key\` |" docs/registries.md || missing="$missing $key"; done
echo "missing:$missing" >"$dir/err"
[ -z "$missing" ]
ok "every JSON key of resolve is documented" $?
run 4 resolve org/model && says "did you mean hf:org/model?" && [ ! -s "$dir/out" ]
ok "a bare pair is an error with a hint" $?
run 4 resolve https://huggingface.co@evil.example/org/model && says "user name"
ok "a look-alike is refused" $?
run 4 resolve "$(printf 'hf:org/\033[31mmodel')" && says '\x1b[31m' && ! grep -q "$(printf '\033')" "$dir/err"
ok "what is refused is printed escaped" $?

run 0 resolve models:/fraud/3 && has "unknown: " && has "MLFLOW_TRACKING_URI"
ok "internal needs an endpoint, and the variables are named" $?
MLFLOW_TRACKING_URI=https://mlflow.acme.example run 0 resolve --json https://mlflow.acme.example/#/models/f/versions/3 &&
    json 'a["trust"] == "internal"'
ok "with the endpoint configured it is internal" $?
MLFLOW_TRACKING_URI=https://mlflow.acme.example run 0 resolve --json https://mlflow.evil.example/#/models/f/versions/3 &&
    json 'a["trust"] == "unknown"'
ok "somebody else's server is not" $?
MLFLOW_TRACKING_URI=x run 0 && ! grep -q '^mlflow .*internal\*' "$dir/out" && grep -q '^mlflow .*internal ' "$dir/out"
ok "the table marks what is not configured" $?

run 0 check registries.d/*.json && [ "$(grep -c ': valid$' "$dir/out")" -eq 23 ]
ok "check: every shipped entry is valid" $?
sed 's/"level": "low"/"level": "high"/; s/"advice"/"advise"/' registries.d/ollama.json >"$dir/ollama.json"
run 4 check "$dir/ollama.json" registries.d/dvc.json && has "ollama.json:7: advise: unknown key" &&
    has "may only lower the level" && has "dvc.json: valid"
ok "check: every problem with file and line, exit 4" $?
run 4 check --json "$dir/ollama.json" && json 'not a["valid"] and len(a["files"][0]["problems"]) == 4'
ok "check as JSON" $?
run 4 check "$dir/nosuch.json" && has "No such file"
ok "check: a file that is not there" $?
run 4 check && says "Usage:"
ok "check without a file is a usage error" $?

mkdir -p "$dir/config/assay/registries.d" "$dir/own"
sed 's/HuggingFace Hub/HF by the user/' registries.d/huggingface.json >"$dir/config/assay/registries.d/huggingface.json"
run 0 --json huggingface && json 'a["name"] == "HF by the user"'
ok "the user's directory overrides" $?
sed 's/HuggingFace Hub/HF by option/' registries.d/huggingface.json >"$dir/own/huggingface.json"
run 0 --registries "$dir/own" --json huggingface && json 'a["name"] == "HF by option"'
ok "--registries overrides the user's directory" $?
(cd "$dir/own" && mkdir -p registries.d && sed 's/HF by option/HF by luck/' huggingface.json >registries.d/huggingface.json && run 0 --json huggingface) &&
    json 'a["name"] == "HF by the user"'
ok "the working directory does not count" $?
XDG_CONFIG_HOME=own run 0 --json huggingface && json 'a["name"] == "HuggingFace Hub"'
ok "a relative XDG_CONFIG_HOME does not count" $?
run 4 --registries "$dir/nosuch" && says "not a directory"
ok "--registries must exist" $?
echo '{' >"$dir/own/broken.json"
run 4 --registries "$dir/own" && says "broken.json:"
ok "a broken entry stops the command with file and line" $?

run 0 --help && has "Usage: assay registries"
ok "--help goes to stdout" $?
run 4 --nosuch && says "bad option"
ok "an unknown option is a usage error" $?

missing=""
for f in registries.d/*.json; do
    id=$(basename "$f" .json)
    grep -q "^| \`$id\` |" docs/registries.md || missing="$missing $id"
done
echo "missing:$missing" >"$dir/err"
[ -z "$missing" ]
ok "docs/registries.md lists every registry" $?
# every key that the loader knows, as schema.c's tables have it
missing=""
for key in $(grep -oE '\{ ?"[a-z_]+", +(true|false),' scanner/registry/schema.c scanner/registry/request_schema.c scanner/registry/answer_schema.c | cut -d: -f2 | tr -dc 'a-z_"\n' | cut -d'"' -f2 | sort -u); do
    grep -q "\`$key\`" docs/registries.md || missing="$missing $key"
done
echo "missing:$missing" >"$dir/err"
[ -z "$missing" ]
ok "docs/registries.md teaches every key" $?
# shellcheck disable=SC2016 # the backquotes are Markdown's
sed -n '/^```json$/,/^```$/p' docs/registries.md | sed '/^```/d' >"$dir/acme.json"
run 0 check "$dir/acme.json"
ok "the entry that docs/registries.md shows is valid" $?
echo "1..$n"
