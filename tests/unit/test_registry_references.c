/* What references mean, for every registry, and what must not pass for one. */
#include "table.h"

#include "registry/registry.h"

#define COMMIT "607a30d783dfa663caf39e06633721c8d4cfcd7e"
#define SHA256 "39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b"
#define ID32   "3f2b8b6f7d3e4d4c9b1e0a5d6c7b8a99"

/* Levels as they are when the operator has configured nothing: internal is unknown. */
/* clang-format off */
static const struct {
    const char *text, *registry, *name, *revision;
    bool pinned;
    enum trust trust;
} good[] = {
    { "hf:org/model", "huggingface", "org/model", NULL, false, TRUST_MEDIUM },
    { "hf://org/model", "huggingface", "org/model", NULL, false, TRUST_MEDIUM },
    { "HF:org/model", "huggingface", "org/model", NULL, false, TRUST_MEDIUM },
    { "hf:models/org/model", "huggingface", "org/model", NULL, false, TRUST_MEDIUM },
    { "hf:org/model@main", "huggingface", "org/model", "main", false, TRUST_MEDIUM },
    { "hf:org/model@v1.0", "huggingface", "org/model", "v1.0", false, TRUST_MEDIUM },
    { "hf:org/model@" COMMIT, "huggingface", "org/model", COMMIT, true, TRUST_MEDIUM },
    { "hf:org/model@607a30d", "huggingface", "org/model", "607a30d", false,
      TRUST_MEDIUM },
    { "hf:org/model@607A30D783DFA663CAF39E06633721C8D4CFCD7E", "huggingface", "org/model",
      "607A30D783DFA663CAF39E06633721C8D4CFCD7E", false, TRUST_MEDIUM },
    { "hf:org/model@" COMMIT "/a/b.bin", "huggingface", "org/model", COMMIT, true,
      TRUST_MEDIUM },
    { "hf:org/model@refs/pr/7/a.bin", "huggingface", "org/model", "refs/pr/7", false,
      TRUST_MEDIUM },
    { "hf:org/model@feature%2Fx", "huggingface", "org/model", "feature/x", false,
      TRUST_MEDIUM },
    { "hf:org/model@a%252Fb", "huggingface", "org/model", "a%2Fb", false, TRUST_MEDIUM },
    { "https://huggingface.co/org/model", "huggingface", "org/model", NULL, false,
      TRUST_MEDIUM },
    { "https://huggingface.co/org/model/", "huggingface", "org/model", NULL, false,
      TRUST_MEDIUM },
    { "HTTPS://HuggingFace.CO:443/org/model?x=1#y", "huggingface", "org/model", NULL,
      false, TRUST_MEDIUM },
    { "https://hf.co/org/model/resolve/" COMMIT "/m.bin", "huggingface", "org/model",
      COMMIT, true, TRUST_MEDIUM },
    { "hf://org/model:main?file=m.gguf", "huggingface", "org/model", "main", false,
      TRUST_MEDIUM },
    { "https://huggingface.co/org/model/tree/refs/pr/1", "huggingface", "org/model",
      "refs/pr/1", false, TRUST_MEDIUM },
    { "https://huggingface.co/org/model/tree/refs%2Fpr%2F1", "huggingface", "org/model",
      "refs/pr/1", false, TRUST_MEDIUM },

    { "tfhub:google/use/4", "tfhub", "google/use", "4", true, TRUST_HIGH },
    { "tfhub:google/use", "tfhub", "google/use", NULL, false, TRUST_HIGH },
    { "tfhub:someone/use/4", "tfhub", "someone/use", "4", true, TRUST_MEDIUM },
    { "https://tfhub.dev/google/imagenet/resnet/classification/5", "tfhub",
      "google/imagenet/resnet/classification", "5", true, TRUST_HIGH },
    { "https://tfhub.dev/google/use/4.tar.gz", "tfhub", "google/use", "4", true,
      TRUST_HIGH },

    { "torchhub:pytorch/vision:v0.10.0/resnet18", "pytorch-hub", "pytorch/vision",
      "v0.10.0", false, TRUST_MEDIUM },
    { "torchhub:pytorch/vision", "pytorch-hub", "pytorch/vision", NULL, false,
      TRUST_MEDIUM },
    { "torchhub:pytorch/vision@" COMMIT, "pytorch-hub", "pytorch/vision", COMMIT, true,
      TRUST_MEDIUM },
    { "https://pytorch.org/hub/pytorch_vision_resnet/", "pytorch-hub", "pytorch/vision",
      NULL, false, TRUST_MEDIUM },
    { "https://download.pytorch.org/models/resnet18-f37072fd.pth", "pytorch-hub",
      "weights/resnet18", "f37072fd", false, TRUST_MEDIUM },

    { "replicate:o/m", "replicate", "o/m", NULL, false, TRUST_MEDIUM },
    { "replicate:o/m:" SHA256, "replicate", "o/m", SHA256, true, TRUST_MEDIUM },
    { "https://replicate.com/o/m/versions/" SHA256, "replicate", "o/m", SHA256, true,
      TRUST_MEDIUM },
    { "https://replicate.com/o/m:" SHA256, "replicate", "o/m", SHA256, true,
      TRUST_MEDIUM },
    { "https://replicate.com/o/m/api", "replicate", "o/m", NULL, false, TRUST_MEDIUM },
    { "https://r8.im/o/m@sha256:" SHA256, "replicate", "o/m", SHA256, true,
      TRUST_MEDIUM },

    { "wandb:e/p/a", "wandb", "e/p/a", NULL, false, TRUST_MEDIUM },
    { "wandb:e/p/a:v3", "wandb", "e/p/a", "v3", true, TRUST_MEDIUM },
    { "wandb:e/p/a:latest", "wandb", "e/p/a", "latest", false, TRUST_MEDIUM },
    { "wandb-artifact://e/p/a:v0", "wandb", "e/p/a", "v0", true, TRUST_MEDIUM },
    { "https://wandb.ai/e/p/artifacts/model/a/v3/files/x.pt", "wandb", "e/p/a", "v3",
      true, TRUST_MEDIUM },
    { "https://wandb.ai/orgs/O/registry/m?selectionPath=e%2Fwandb-registry-m%2Fa"
      "&view=membership&version=v0", "wandb", "e/wandb-registry-m/a", "v0", true,
      TRUST_MEDIUM },
    { "https://wandb.ai/orgs/O/registry/m?version=v1&selectionPath=e/wandb-registry-m/a",
      "wandb", "e/wandb-registry-m/a", "v1", true, TRUST_MEDIUM },
    { "https://wandb.ai/orgs/O/registry/m?selectionPath=e%2fwandb-registry-m%2fa#x",
      "wandb", "e/wandb-registry-m/a", NULL, false, TRUST_MEDIUM },
    { "https://wandb.ai/e/registry/model?selectionPath=e%2Fmodel-registry%2Fa&version=v2",
      "wandb", "e/model-registry/a", "v2", true, TRUST_MEDIUM },

    { "kaggle:google/gemma", "kaggle", "google/gemma", NULL, false, TRUST_MEDIUM },
    { "kaggle:keras/bert/keras/tiny/2", "kaggle", "keras/bert/keras/tiny", "2", true,
      TRUST_MEDIUM },
    { "https://www.kaggle.com/models/keras/bert/Keras/tiny", "kaggle",
      "keras/bert/Keras/tiny", NULL, false, TRUST_MEDIUM },
    { "https://kaggle.com/models/g/m/frameworks/Flax/variations/2b/versions/1", "kaggle",
      "g/m/Flax/2b", "1", true, TRUST_MEDIUM },

    { "ollama:llama3.2", "ollama", "library/llama3.2", NULL, false, TRUST_MEDIUM },
    { "ollama:llama3.2:3b", "ollama", "library/llama3.2", "3b", false, TRUST_MEDIUM },
    { "ollama:library/llama3.2", "ollama", "library/llama3.2", NULL, false,
      TRUST_MEDIUM },
    { "ollama:someone/llama3.2", "ollama", "someone/llama3.2", NULL, false, TRUST_LOW },
    { "ollama:m@sha256:" SHA256, "ollama", "library/m", "sha256:" SHA256, true,
      TRUST_MEDIUM },
    { "ollama://registry.ollama.ai/library/m:1b", "ollama", "library/m", "1b", false,
      TRUST_MEDIUM },
    { "https://ollama.com/library/m:1b", "ollama", "library/m", "1b", false,
      TRUST_MEDIUM },
    { "https://ollama.com/someone/m", "ollama", "someone/m", NULL, false, TRUST_LOW },
    { "https://registry.ollama.ai/v2/library/m/manifests/sha256:" SHA256, "ollama",
      "library/m", "sha256:" SHA256, true, TRUST_MEDIUM },

    { "civitai:3036", "civitai", "3036", NULL, false, TRUST_LOW },
    { "civitai:3036@9857", "civitai", "3036", "9857", false, TRUST_LOW },
    { "civitai:sha256:" SHA256, "civitai", "sha256:" SHA256, "sha256:" SHA256, true,
      TRUST_LOW },
    { "urn:air:sd1:model:civitai:3036@9857", "civitai", "3036", "9857", false,
      TRUST_LOW },
    { "air:sd1:model:civitai:3036", "civitai", "3036", NULL, false, TRUST_LOW },
    { "https://civitai.com/models/3036/some-name", "civitai", "3036", NULL, false,
      TRUST_LOW },
    { "https://civitai.com/models/3036?modelVersionId=9857", "civitai", "3036", "9857",
      false, TRUST_LOW },
    { "https://civitai.com/models/3036?a=b&modelVersionId=9857&c", "civitai", "3036",
      "9857", false, TRUST_LOW },
    { "https://civitai.com/api/v1/model-versions/by-hash/" SHA256, "civitai",
      "sha256:" SHA256, "sha256:" SHA256, true, TRUST_LOW },
    { "https://civitai.com/api/download/models/9857?type=Model", "civitai",
      "model-versions/9857", "9857", false, TRUST_LOW },

    { "roboflow:ws/proj/3", "roboflow", "ws/proj", "3", true, TRUST_MEDIUM },
    { "https://universe.roboflow.com/ws/proj/dataset/3", "roboflow", "ws/proj", "3", true,
      TRUST_MEDIUM },
    { "https://app.roboflow.com/ws/proj/3", "roboflow", "ws/proj", "3", true,
      TRUST_MEDIUM },

    { "modelhub-ai:squeezenet", "modelhub-ai", "squeezenet", NULL, false, TRUST_MEDIUM },
    { "modelhub.ai:squeezenet", "modelhub-ai", "squeezenet", NULL, false, TRUST_MEDIUM },
    { "https://modelhub.ai/#/squeezenet", "modelhub-ai", "squeezenet", NULL, false,
      TRUST_MEDIUM },
    { "https://github.com/modelhub-ai/squeezenet/tree/" COMMIT, "modelhub-ai",
      "squeezenet", COMMIT, true, TRUST_MEDIUM },

    { "ngc:nvidia/bert:19.09.0", "ngc", "nvidia/bert", "19.09.0", true, TRUST_HIGH },
    { "ngc:nvidia/nemo/stt", "ngc", "nvidia/nemo/stt", NULL, false, TRUST_HIGH },
    { "ngc:somebody/bert:1", "ngc", "somebody/bert", "1", true, TRUST_MEDIUM },
    { "https://catalog.ngc.nvidia.com/orgs/nvidia/teams/nemo/models/stt?version=1.0",
      "ngc", "nvidia/nemo/stt", "1.0", true, TRUST_HIGH },
    { "https://api.ngc.nvidia.com/v2/models/nvidia/bert/versions/2/files/a.pt", "ngc",
      "nvidia/bert", "2", true, TRUST_HIGH },

    { "ngc://nvidia/bert:2?file=a/b.pt", "ngc", "nvidia/bert", "2", true, TRUST_HIGH },
    { "https://api.ngc.nvidia.com/v2/models/org/nvidia/bert/2/files?path=a.pt", "ngc",
      "nvidia/bert", "2", true, TRUST_HIGH },
    { "https://api.ngc.nvidia.com/v2/models/org/nvidia/team/nemo/stt/2/files", "ngc",
      "nvidia/nemo/stt", "2", true, TRUST_HIGH },
    { "https://api.ngc.nvidia.com/v2/org/somebody/models/bert/versions/2/zip", "ngc",
      "somebody/bert", "2", true, TRUST_MEDIUM },

    { "jumpstart:falcon-7b@3.1.0", "jumpstart", "falcon-7b", "3.1.0", true, TRUST_HIGH },
    { "jumpstart:falcon-7b@*", "jumpstart", "falcon-7b", "*", false, TRUST_HIGH },
    { "arn:aws:sagemaker:eu-west-1:aws:hub-content/SageMakerPublicHub/Model/falcon/1.0",
      "jumpstart", "falcon", "1.0", true, TRUST_HIGH },

    { "azureml-catalog:Phi-4@7", "azureml-catalog", "azureml/Phi-4", "7", true,
      TRUST_HIGH },
    { "azureml://registries/azureml-meta/models/L/labels/latest", "azureml-catalog",
      "azureml-meta/L", "latest", false, TRUST_HIGH },
    { "azureml://registries/HuggingFace/models/x/versions/1", "azureml-catalog",
      "HuggingFace/x", "1", true, TRUST_MEDIUM },
    { "https://ml.azure.com/registries/azureml/models/Phi-4/version/7", "azureml-catalog",
      "azureml/Phi-4", "7", true, TRUST_HIGH },

    { "vertex-garden:google/gemma3@gemma-3-27b-it", "vertex-garden", "google/gemma3",
      "gemma-3-27b-it", false, TRUST_HIGH },
    { "vertex-garden:publishers/hf-acme/models/m", "vertex-garden", "hf-acme/m", NULL,
      false, TRUST_MEDIUM },

    { "models:/fraud/3", "mlflow", "fraud", "3", true, TRUST_UNKNOWN },
    { "models:/fraud%20model/3", "mlflow", "fraud model", "3", true, TRUST_UNKNOWN },
    { "models:/fr%C3%A4ud/3", "mlflow", "fr\xc3\xa4ud", "3", true, TRUST_UNKNOWN },
    { "models:/fraud@champion", "mlflow", "fraud", "champion", false, TRUST_UNKNOWN },
    { "models:/fraud/latest", "mlflow", "fraud", "latest", false, TRUST_UNKNOWN },
    { "models:/fraud/latest/a/b.pkl", "mlflow", "fraud", "latest", false, TRUST_UNKNOWN },
    { "models:/fraud/Production/b.pkl", "mlflow", "fraud", "Production", false,
      TRUST_UNKNOWN },
    { "models:/m-" ID32 "/data/model", "mlflow", "m-" ID32, NULL, false, TRUST_UNKNOWN },
    { "models:/main.risk.fraud/3", "mlflow", "main.risk.fraud", "3", true,
      TRUST_UNKNOWN },
    { "mlflow:fraud/3", "mlflow", "fraud", "3", true, TRUST_UNKNOWN },
    { "https://mlflow.example/#/models/fraud/versions/3", "mlflow", "fraud", "3", true,
      TRUST_UNKNOWN },
    { "http://mlflow.internal:5000/#/models/fraud/versions/3", "mlflow", "fraud", "3",
      true, TRUST_UNKNOWN },

    { "kubeflow:fraud/v1", "kubeflow", "fraud", "v1", false, TRUST_UNKNOWN },
    { "model-registry://mr.example:8080/fraud/v1", "kubeflow", "fraud", "v1", false,
      TRUST_UNKNOWN },

    { "dvc:https://git.example/team/repo//m.pkl@v1", "dvc",
      "git.example/team/repo//m.pkl", "v1", false, TRUST_UNKNOWN },
    { "dvc:https://git.example/team/repo//m.pkl@" COMMIT, "dvc",
      "git.example/team/repo//m.pkl", COMMIT, true, TRUST_UNKNOWN },

    { "dvc:https://git.example/team/repo//m.pkl@m@v1.2.0", "dvc",
      "git.example/team/repo//m.pkl", "m@v1.2.0", false, TRUST_UNKNOWN },

    { "sagemaker:fraud/3", "sagemaker-registry", "fraud", "3", true, TRUST_UNKNOWN },
    { "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraud/3",
      "sagemaker-registry", "123456789012/fraud", "3", true, TRUST_UNKNOWN },

    { "vertex:acme/us-central1/456@3", "vertex-registry", "acme/us-central1/456", "3",
      true, TRUST_UNKNOWN },
    { "vertex:acme/us-central1/456@prod", "vertex-registry", "acme/us-central1/456",
      "prod", false, TRUST_UNKNOWN },

    { "azureml://registries/acme/models/f/versions/3", "azureml-registry", "acme/f", "3",
      true, TRUST_UNKNOWN },
    { "azureml://registries/azureml-evil/models/f/versions/3", "azureml-registry",
      "azureml-evil/f", "3", true, TRUST_UNKNOWN },
    { "azureml:f:3", "azureml-registry", "f", "3", true, TRUST_UNKNOWN },
    { "azureml:f@latest", "azureml-registry", "f", "latest", false, TRUST_UNKNOWN },
    { "azureml:/subscriptions/0/resourceGroups/g/registries/acme/models/f/versions/3",
      "azureml-registry", "acme/f", "3", true, TRUST_UNKNOWN },
    { "https://ml.azure.com/model/f:3/details?tid=1&wsid=/subscriptions/0/resourcegroups/"
      "g/providers/Microsoft.MachineLearningServices/workspaces/w",
      "azureml-registry", "w/f", "3", true, TRUST_UNKNOWN },
    { "https://ml.azure.com/model/f:3/details?wsid=%2Fsubscriptions%2F0%2FresourceGroups"
      "%2Fg%2Fworkspaces%2Fw", "azureml-registry", "w/f", "3", true, TRUST_UNKNOWN },

    { "databricks:main.risk.fraud/3", "databricks", "main.risk.fraud", "3", true,
      TRUST_UNKNOWN },
    { "https://adb-1.2.azuredatabricks.net/ml/models/f/versions/3", "databricks", "f",
      "3", true, TRUST_UNKNOWN },

    { "clearml:" ID32, "clearml", ID32, NULL, false, TRUST_UNKNOWN },
    { "https://app.clear.ml/projects/" ID32 "/models/" ID32, "clearml", ID32, NULL, false,
      TRUST_UNKNOWN },

    { "gitlab:acme/sub/ml:fraud@1.2.0", "gitlab", "acme/sub/ml:fraud", "1.2.0", false,
      TRUST_UNKNOWN },
    { "https://git.example/acme/ml/-/ml/models/4/versions/12", "gitlab",
      "acme/ml/-/ml/models/4", "12", true, TRUST_UNKNOWN },
};
/* clang-format on */

static void test_every_registry_is_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct reference ref;
        struct error error = { .code = ERROR_NONE };
        if (!registries_resolve(table, good[i].text, &ref, &error))
            fail_msg("%s: %s", good[i].text, error.message);
        assert_string_equal(ref.registry->id, good[i].registry);
        assert_string_equal(ref.name, good[i].name);
        if (good[i].revision)
            assert_string_equal(ref.revision, good[i].revision);
        else
            assert_null(ref.revision);
        assert_int_equal(ref.pinned, good[i].pinned);
        assert_int_equal(reference_trust(&ref, nothing_set, NULL), good[i].trust);
        reference_free(&ref);
    }
}

/* clang-format off */
static const struct {
    const char *text, *told; /* a part of the message */
} hostile[] = {
    { "", "is empty" },
    { "org/model", "did you mean hf:org/model?" },
    { "org/model@main", "did you mean hf:org/model@main?" },
    { "gpt2", "has no scheme" },
    { "./org/model", "has no scheme" },
    { "/etc/passwd", "has no scheme" },
    { "../../etc/passwd", "has no scheme" },
    { "://x", "has no scheme" },
    { "1hf:org/model", "has no scheme" },
    { "nosuch:org/model", "no registry has the scheme \"nosuch:\"" },
    { "file:///etc/passwd", "no registry has the scheme" },
    { "javascript:alert(1)", "no registry has the scheme" },
    { "hf:", "expected hf:[//]ORG/MODEL" },
    { "hf:gpt2", "expected hf:[//]ORG/MODEL" },
    { "hf:/org/model", "expected hf:" },
    { "hf:///org/model", "expected hf:" },
    { "hf:org//model", "expected hf:" },
    { "hf:org/model@", "expected hf:" },
    { "hf:datasets/org/name", "expected hf:" },
    { "hf:org/model?x=1", "expected hf:" },
    { "hf:-org/model", "expected hf:" },
    { "hf:evil.example:80/org/model", "expected hf:" },
    { "hf:user@evil.example/org/model", "expected hf:" },
    { "hf:org%2Fmodel", "expected hf:" },
    { "hf:org%2F..%2Fx/model", "\"..\" segment" },
    { "hf:../model", "\"..\" segment" },
    { "hf:org/..", "\"..\" segment" },
    { "hf:org/./model", "\"..\" segment" },
    { "hf:org/model/../../x", "\"..\" segment" },
    { "hf:org/model/%2e%2e/x", "\"..\" segment" },
    { "hf:org/model/%2E./x", "\"..\" segment" },
    { "hf:org/model@%2e%2e", "\"..\" segment" },
    { "hf:org/model@..", "\"..\" segment" },
    { "hf:org/model@a%2F..%2Fb", "\"..\" segment" },
    { "hf:org/model@%2Fetc", "empty segment" },
    { "hf:org/model@a%2F%2Fb", "empty segment" },
    { "hf:org/model//etc/passwd", "empty segment" },
    { "hf:org/model@%00", "control character" },
    { "hf:org/model@a%0d%0aX", "control character" },
    { "hf:org/model@a%7f", "control character" },
    { "hf:org/model@a%C2%9b31m", "control character" },
    { "hf:org/model\n", "control character" },
    { "hf:org/mo\tdel", "control character" },
    { "hf:org/\x1b[31mmodel", "control character" },
    { "hf:org/mo del", "space" },
    { "hf:org\\model", "backslash" },
    { "hf:org/model@a%5Cb", "backslash" },
    { "hf:org/model@%zz", "two hexadecimal digits" },
    { "hf:org/model@%4", "two hexadecimal digits" },
    { "hf:org/model@%", "two hexadecimal digits" },
    { "hf:org/model@%ff", "invalid UTF-8" },
    { "hf:org/model@%c0%ae", "invalid UTF-8" },
    { "hf:org/model@%ed%a0%80", "invalid UTF-8" },
    { "hf:\xd0\xbepenai/gpt", "non-ASCII" },
    { "\xd2\xbb" "f:org/model", "non-ASCII" },
    { "https:org/model", "\"//\" and a host must follow" },
    { "https://", "host is malformed" },
    { "https:///org/model", "host is malformed" },
    { "https://huggingface.co./org/model", "host is malformed" },
    { "https://.huggingface.co/org/model", "host is malformed" },
    { "https://huggingface..co/org/model", "host is malformed" },
    { "https://huggingface%2eco/org/model", "host is malformed" },
    { "https://[::1/org/model", "host is malformed" },
    { "https://huggingface.co:/org/model", "port is malformed" },
    { "https://huggingface.co:0/org/model", "port is malformed" },
    { "https://huggingface.co:99999/org/model", "port is malformed" },
    { "https://huggingface.co:8443/org/model", "no registry claims the host" },
    { "https://user@huggingface.co/org/model", "user name" },
    { "https://huggingface.co@evil.example/org/model", "user name" },
    { "https://huggingface.co:x@evil.example/org/model", "user name" },
    { "https://hf.co%40evil.example/org/model", "host is malformed" },
    { "https://huggingface.co.evil.example/org/model", "no registry claims the host" },
    { "https://evil.example/huggingface.co/org/model", "no registry claims the host" },
    { "https://huggingface.co#@evil.example/org/model", "expected https://hugg" },
    { "https://evil-huggingface.co/org/model", "no registry claims the host" },
    { "https://xhf.co/org/model", "no registry claims the host" },
    { "https://huggingface.com/org/model", "no registry claims the host" },
    { "https://xn--huggngface-7ij.co/org/model", "no registry claims the host" },
    { "https://huggingface.co/org/model/../../evil", "\"..\" segment" },
    { "https://huggingface.co/org/..?x", "\"..\" segment" },
    { "https://huggingface.co/org/%2e%2e#x", "\"..\" segment" },
    { "https://huggingface.co/org\\model", "backslash" },
    { "https://huggingface.co//org/model", "expected https://hugg" },
    { "https://huggingface.co/org", "expected https://hugg" },
    { "https://huggingface.co/datasets/org/name", "expected https://hugg" },
    { "https://huggingface.co/spaces/org", "expected https://hugg" },
    { "https://huggingface.co/a/b#/models/x/versions/3/../..", "\"..\" segment" },
    { "http://huggingface.co/org/model", "write https" },
    { "http://civitai.com/models/1", "write https" },
    { "https://github.com/pytorch/vision", "no registry claims" },
    { "https://github.com/modelhub-ai/modelhub", "no registry claims" },
    { "https://tfhub.dev/s?q=bert", "no registry claims" },
    { "https://raw.githubusercontent.com/a/b/main/m.pt", "no registry claims the host" },
    { "ollama:evil.example/library/llama3", "expected ollama:" },
    { "ollama:evil.example/llama3", "expected ollama:" },
    { "ollama:hf.co/org/model", "expected ollama:" },
    { "ollama:m@sha256:123", "expected ollama:" },
    { "replicate:o/m:latest", "expected replicate:" },
    { "replicate:deployments/m", "expected replicate:" },
    { "kaggle:datasets/x", "expected kaggle:" },
    { "kaggle:o/m/f/v/latest", "expected kaggle:" },
    { "civitai:name", "expected civitai:" },
    { "civitai:sha256:1234", "expected civitai:" },
    { "urn:isbn:0451450523", "no registry claims" },
    { "https://civitai.com/models/1?modelVersionId=../2", "once and hold an identifier" },
    { "https://civitai.com/models/1?modelVersionId=2%2F3",
      "once and hold an identifier" },
    { "https://civitai.com/models/1?modelVersionId=", "once and hold an identifier" },
    { "https://civitai.com/models/1?modelVersionId=2&modelVersionId=3",
      "once and hold an identifier" },
    { "https://civitai.com/models/1?modelVersionId=2&model%56ersionId=3",
      "once and hold an identifier" },
    { "https://wandb.ai/orgs/O/registry/m", "expected https://wandb.ai" },
    { "https://wandb.ai/orgs/O/registry/m?version=v0", "expected https://wandb.ai" },
    { "https://wandb.ai/orgs/O/registry/m?selectionPath=", "expected https://wandb.ai" },
    { "https://wandb.ai/orgs/O/registry/m?selectionPath=e%252Fwandb-registry-m%252Fa",
      "expected https://wandb.ai" },
    { "https://wandb.ai/orgs/O/registry/m?selectionPath=e%2Fother%2Fa",
      "expected https://wandb.ai" },
    { "https://wandb.ai/orgs/O/registry/m?selectionPath=e%2Fwandb-registry-m%2Fa%2Fb",
      "expected https://wandb.ai" },
    { "https://wandb.ai/orgs/O/registry/m?selectionPath=e%2Fwandb-registry-x%2Fa",
      "the registry \"x\" is another one elsewhere in the reference" },
    { "https://wandb.ai/e/registry/model?selectionPath=x%2Fmodel-registry%2Fa",
      "the entity \"x\" is another one elsewhere in the reference" },
    { "https://wandb.ai/orgs/O/registry/m?selectionPath=e%2Fwandb-registry-m%2Fa"
      "&selectionPath=e%2Fwandb-registry-m%2Fb", "\"?selectionPath=\" must be given once" },
    { "https://wandb.ai/orgs/O/registry/m?selectionPath=e%2Fwandb-registry-m%2Fa"
      "&%73electionPath=e%2Fwandb-registry-m%2Fb", "must be given once" },
    { "https://wandb.ai/orgs/O/registry/m?selectionPath=e%2Fwandb-registry-m%2Fa"
      "&version=v0&version=v1", "once and hold an identifier" },
    { "https://wandb.ai/orgs/O/registry/m?selectionPath=e%2Fwandb-registry-m%2Fa"
      "&version=v0%2F..", "\"..\" segment" },
    { "https://wandb.ai/orgs/O/registry/m?selectionPath=..%2Fwandb-registry-m%2Fa",
      "expected https://wandb.ai" },
    { "https://wandb.ai/orgs/O/registry/m?selectionPath=e%2Fwandb-registry-m%2F%2e%2e",
      "\"..\" segment" },
    { "https://wandb.ai/orgs/O/registry/m?selectionPath=e%2Fwandb-registry-m%2Fa%00",
      "control character" },
    { "https://wandb.ai/orgs/O/registry/m?selectionPath=e%2Fwandb-registry-m%2Fa%0a",
      "control character" },
    { "https://wandb.ai.evil.example/orgs/O/registry/m?selectionPath=e%2Fwandb-registry-m"
      "%2Fa", "no registry claims the host" },
    { "https://api.ngc.nvidia.com/v2/models/org/nvidia/bert", "expected https://api.ngc" },
    { "ngc:nvidia/bert:2?file=../x", "\"..\" segment" },
    { "hf:org/model:main?file=%2Fetc%2Fpasswd", "empty segment" },
    { "hf:org/model:main?x=1&file=a", "expected hf:" },
    { "roboflow:proj/3", "expected roboflow:" },
    { "azureml:f@production", "no registry claims" },
    { "https://ml.azure.com/model/f:3/details", "no registry claims" },
    { "https://ml.azure.com/model/f:3/details?wsid=/subscriptions/0/../1/resourceGroups/g"
      "/workspaces/w", "\"..\" segment" },
    { "arn:aws:s3:::bucket/key", "no registry claims" },
    { "arn:aws:sagemaker:eu-west-1:123456789012:hub-content/SageMakerPublicHub/Model/x/1",
      "no registry claims" },
    { "models:/x", "expected models:/NAME" },
    { "models://profile@databricks/x/3", "expected models:/NAME" },
    { "models:/a%2F..%2Fb/3", "\"..\" segment" },
    { "dvc:http://git.example/r//m", "expected dvc:" },
    { "dvc:https://user@git.example/r//m", "expected dvc:" },
    { "dvc:git@git.example:r//m", "expected dvc:" },
    { "dvc:https://git.example/r", "expected dvc:" },
    { "dvc:https://git.example/r//../m", "\"..\" segment" },
    { "dvc:ext::sh -c id//m", "space" },
    { "clearml:123", "expected clearml:" },
    { "https://azuredatabricks.net/ml/models/f/versions/3", "no registry claims" },
    { "https://x.azuredatabricks.net.evil.example/ml/models/f/versions/3",
      "no registry claims" },
    { "https://evil.example/explore/data/models/a/b/c", "no registry claims" },
};
/* clang-format on */

static void test_hostile_references_are_refused(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        struct reference ref;
        struct error error = { .code = ERROR_NONE };
        if (registries_resolve(table, hostile[i].text, &ref, &error)) {
            print_error("%s: passed for %s %s\n", hostile[i].text, ref.registry->id,
                        ref.name);
            reference_free(&ref);
            wrong++;
        } else if (error.code != ERROR_USAGE || !strstr(error.message, hostile[i].told)) {
            print_error("%s: expected \"%s\", got \"%s\"\n", hostile[i].text,
                        hostile[i].told, error.message);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void test_length_is_bounded(void **state)
{
    (void)state;
    static char text[100000];
    struct reference ref;
    struct error error;
    memset(text, 'a', sizeof text - 1);
    memcpy(text, "hf:org/", 7);
    assert_false(registries_resolve(table, text, &ref, &error));
    assert_non_null(strstr(error.message, "is too long"));
    text[2048] = '\0';
    assert_true(registries_resolve(table, text, &ref, &error));
    reference_free(&ref);
}

static void test_variables(void **state)
{
    (void)state;
    struct reference ref;
    struct error error;
    assert_true(
        registries_resolve(table, "https://hf.co/o/m/blob/main/a%20b.bin", &ref, &error));
    assert_string_equal(reference_variable(&ref, "org"), "o");
    assert_string_equal(reference_variable(&ref, "file"), "a b.bin");
    assert_string_equal(reference_variable(&ref, "host"), "hf.co");
    assert_null(reference_variable(&ref, "nothing"));
    reference_free(&ref);
    /* a default is a variable, but nobody wrote it as a revision */
    assert_true(registries_resolve(table, "hf:o/m", &ref, &error));
    assert_string_equal(reference_variable(&ref, "revision"), "main");
    assert_null(ref.revision);
    reference_free(&ref);
}

static void test_every_example_is_its_own(void **state)
{
    (void)state;
    assert_int_equal(registries_count(table), 23);
    for (size_t i = 0; i < registries_count(table); i++) {
        struct buffer report;
        const struct registry *r = registries_at(table, i);
        buffer_init(&report, 1 << 16);
        if (!registry_check(r->path, table, &report))
            fail_msg("%s", report.text);
        buffer_free(&report);
    }
}

/* ---- the table and internal trust ---------------------------------------------- */

static void test_the_levels_of_the_table(void **state)
{
    (void)state;
    static const struct {
        enum trust trust;
        const char *ids[16];
    } levels[] = {
        {TRUST_HIGH,
         { "tfhub", "ngc", "jumpstart", "azureml-catalog", "vertex-garden" }},
        { TRUST_MEDIUM,
         { "huggingface", "pytorch-hub", "replicate", "wandb", "kaggle", "ollama",
            "roboflow", "modelhub-ai" }                                     },
        { TRUST_LOW,      { "civitai" }                                     },
        { TRUST_INTERNAL,
         { "mlflow", "kubeflow", "dvc", "sagemaker-registry", "vertex-registry",
            "azureml-registry", "databricks", "clearml", "gitlab" }         },
    };
    size_t count = 0;
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++)
        for (size_t i = 0; levels[l].ids[i]; i++, count++) {
            const struct registry *r = registries_find(table, levels[l].ids[i]);
            assert_non_null(r);
            assert_int_equal(r->trust, levels[l].trust);
            bool internal = r->trust == TRUST_INTERNAL;
            assert_int_equal(registry_trust(r, nothing_set),
                             internal ? TRUST_UNKNOWN : r->trust);
        }
    assert_int_equal(count, registries_count(table));
}

/* One "NAME=value" at a time is set. */
static const char *assignment;

static const char *one_set(const char *name)
{
    size_t n = strlen(name);
    bool it = strncmp(assignment, name, n) == 0 && assignment[n] == '=';
    return it ? assignment + n + 1 : NULL;
}

/* clang-format off */
static const struct {
    const char *set, *text;
    bool internal;
} internals[] = {
    { "MLFLOW_TRACKING_URI=https://mlflow.acme.example", "models:/fraud/3", true },
    { "MLFLOW_TRACKING_URI=", "models:/fraud/3", false },
    { "MLFLOW_TRACKING_URI=sqlite:///mlflow.db", "models:/fraud/3", true },
    { "MLFLOW_TRACKING_URI=https://mlflow.acme.example/x/",
      "https://MLflow.acme.example:443/#/models/f/versions/3", true },
    { "MLFLOW_TRACKING_URI=https://mlflow.acme.example",
      "https://mlflow.evil.example/#/models/f/versions/3", false },
    { "MLFLOW_TRACKING_URI=https://mlflow.acme.example",
      "https://mlflow.acme.example.evil.example/#/models/f/versions/3", false },
    { "MLFLOW_TRACKING_URI=https://mlflow.acme.example",
      "https://mlflow.acme.example:8443/#/models/f/versions/3", false },
    { "MLFLOW_TRACKING_URI=https://mlflow.acme.example",
      "http://mlflow.acme.example/#/models/f/versions/3", false },
    { "MLFLOW_TRACKING_URI=http://mlflow.acme.example",
      "http://mlflow.acme.example:80/#/models/f/versions/3", true },
    { "MLFLOW_TRACKING_URI=sqlite:///mlflow.db",
      "https://mlflow.evil.example/#/models/f/versions/3", false },
    { "MLFLOW_TRACKING_TOKEN=secret", "models:/fraud/3", false },
    { "MODEL_REGISTRY_BASE_URL=mr.acme.example:8080", "kubeflow:fraud/v1", true },
    { "MODEL_REGISTRY_BASE_URL=mr.acme.example:8080",
      "model-registry://mr.acme.example:8080/fraud/v1", true },
    { "MODEL_REGISTRY_BASE_URL=mr.acme.example:8080",
      "model-registry://mr.evil.example:8080/fraud/v1", false },
    { "AWS_ACCOUNT_ID=123456789012",
      "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraud/3", true },
    { "AWS_ACCOUNT_ID=123456789012", "sagemaker:fraud/3", true },
    { "AWS_ACCOUNT_ID=123456789012",
      "arn:aws:sagemaker:us-east-1:999999999999:model-package/fraud/3", false },
    { "AWS_REGION=us-east-1", "sagemaker:fraud/3", false },
    { "AWS_ENDPOINT_URL_SAGEMAKER=https://vpce-1.api.sagemaker.us-east-1.amazonaws.com",
      "arn:aws:sagemaker:us-east-1:999999999999:model-package/fraud/3", false },
    { "GOOGLE_CLOUD_PROJECT=acme", "vertex:acme/us-central1/456@3", true },
    { "GOOGLE_CLOUD_PROJECT=acme", "vertex:evil/us-central1/456@3", false },
    { "GOOGLE_CLOUD_PROJECT=acme",
      "https://console.cloud.google.com/vertex-ai/models/locations/x/models/4?project=acme",
      true },
    { "GOOGLE_CLOUD_PROJECT=acme",
      "https://console.cloud.google.com/vertex-ai/models/locations/x/models/4?project=evil",
      false },
    { "GOOGLE_CLOUD_PROJECT=acme",
      "https://console.cloud.google.com/vertex-ai/models/locations/x/models/4", false },
    { "AZUREML_REGISTRY_NAME=acme", "azureml://registries/acme/models/f/versions/3",
      true },
    { "AZUREML_REGISTRY_NAME=acme", "azureml://registries/evil/models/f/versions/3",
      false },
    { "AZUREML_ARM_WORKSPACE_NAME=ws", "azureml:f:3", true },
    { "AZUREML_ARM_WORKSPACE_NAME=ws",
      "azureml://subscriptions/0-0/resourceGroups/rg/workspaces/ws/models/f/versions/3",
      false }, /* somebody else's subscription may have a workspace of that name */
    { "DATABRICKS_HOST=https://adb-1.2.azuredatabricks.net", "databricks:fraud/3", true },
    { "DATABRICKS_HOST=https://adb-1.2.azuredatabricks.net",
      "https://adb-1.2.azuredatabricks.net/ml/models/f/versions/3", true },
    { "DATABRICKS_HOST=https://adb-1.2.azuredatabricks.net",
      "https://adb-6.6.azuredatabricks.net/ml/models/f/versions/3", false },
    { "DATABRICKS_HOST=https://adb-1.2.azuredatabricks.net", "models:/fraud/3", false },
    { "CLEARML_API_HOST=https://clearml.acme.example", "clearml:" ID32, true },
    { "CLEARML_API_HOST=https://api.clear.ml", "clearml:" ID32, false },
    { "CLEARML_API_HOST=https://api.clear.ml",
      "https://app.clear.ml/projects/" ID32 "/models/" ID32, false },
    { "GITLAB_URL=https://git.acme.example", "gitlab:acme/ml:fraud", true },
    { "GITLAB_URL=https://git.acme.example",
      "https://git.acme.example/acme/ml/-/ml/models/4", true },
    { "GITLAB_URL=https://git.acme.example",
      "https://git.evil.example/acme/ml/-/ml/models/4", false },
    { "GITLAB_URL=https://git.acme.example", "https://gitlab.com/evil/ml/-/ml/models/4",
      false },
    { "CI_SERVER_URL=https://gitlab.com", "https://gitlab.com/evil/ml/-/ml/models/4",
      false },
    { "CI_SERVER_URL=https://gitlab.com", "gitlab:evil/ml:fraud", false },
    { "CI_PROJECT_ROOT_NAMESPACE=acme", "https://gitlab.com/acme/ml/-/ml/models/4",
      true },
    { "CI_PROJECT_ROOT_NAMESPACE=acme", "https://gitlab.com/evil/ml/-/ml/models/4",
      false },
    { "GITHUB_SERVER_URL=https://github.com", "dvc:https://github.com/a/b//m.pkl",
      false },
};
/* clang-format on */

static void test_internal_needs_what_the_operator_configured(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof internals / sizeof *internals; i++) {
        struct reference ref;
        struct error error;
        assignment = internals[i].set;
        if (!registries_resolve(table, internals[i].text, &ref, &error))
            fail_msg("%s: %s", internals[i].text, error.message);
        enum trust expected = internals[i].internal ? TRUST_INTERNAL : TRUST_UNKNOWN;
        if (reference_trust(&ref, one_set, NULL) != expected)
            fail_msg("%s with %s: expected %s", internals[i].text, assignment,
                     trust_name(expected));
        reference_free(&ref);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_registry_is_understood),
        cmocka_unit_test(test_hostile_references_are_refused),
        cmocka_unit_test(test_length_is_bounded),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_every_example_is_its_own),
        cmocka_unit_test(test_the_levels_of_the_table),
        cmocka_unit_test(test_internal_needs_what_the_operator_configured),
    };
    return cmocka_run_group_tests(tests, load_table, free_table);
}
