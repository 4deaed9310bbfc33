/* Credentials that were packed with the model by mistake, or to use it.  Each rule checks
   the structure its issuer documents; none of them shows the secret in a report. */

rule secret_private_key
{
    meta:
        id = "yara/secret-private-key"
        title = "A private key"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 321
        secret = true
        reference = "https://www.rfc-editor.org/rfc/rfc7468"
    strings:
        $pem = /-----BEGIN ((RSA|EC|DSA|OPENSSH|ENCRYPTED) )?PRIVATE KEY-----(\r?\n|\\n)(Proc-Type: [^\n\\]{4,40}(\r?\n|\\n)DEK-Info: [^\n\\]{8,80}(\r?\n|\\n){1,3})?[A-Za-z0-9+\/]{40,76}(=|\r|\n|\\n)/
        $pgp = /-----BEGIN PGP PRIVATE KEY BLOCK-----(\r?\n|\\n)/
        $putty = /PuTTY-User-Key-File-[23]: (ssh-|ecdsa-)/
    condition:
        any of them
}

rule secret_aws_key
{
    meta:
        id = "yara/secret-aws-key"
        title = "An access key of Amazon Web Services"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 798
        secret = true
        reference = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"
    strings:
        $key = /(AKIA|ASIA)[A-Z2-7]{16}/ fullword
        $example = /(AKIA|ASIA)[A-Z0-9]{9}EXAMPLE/ fullword
    condition:
        #key > #example
}

rule secret_github_token
{
    meta:
        id = "yara/secret-github-token"
        title = "A token of GitHub"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 798
        secret = true
        reference = "https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github"
    strings:
        $classic = /gh[pousr]_[A-Za-z0-9]{36}/ fullword
        $fine = /github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}/ fullword
    condition:
        any of them
}

rule secret_gitlab_token
{
    meta:
        id = "yara/secret-gitlab-token"
        title = "A token of GitLab"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 798
        secret = true
        reference = "https://docs.gitlab.com/security/tokens/"
    strings:
        $a = /gl(pat|rt|dt|ptt|cbt|oas|soat)-[A-Za-z0-9_-]{20}/ fullword
    condition:
        $a
}

rule secret_hugging_face_token
{
    meta:
        id = "yara/secret-hugging-face-token"
        title = "A token of the Hugging Face Hub"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 798
        secret = true
        reference = "https://huggingface.co/docs/hub/security-tokens"
    strings:
        $user = /hf_[A-Za-z]{34}/ fullword
        $organisation = /api_org_[A-Za-z]{34}/ fullword
    condition:
        any of them
}

rule secret_slack_token
{
    meta:
        id = "yara/secret-slack-token"
        title = "A token of Slack"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 798
        secret = true
        reference = "https://api.slack.com/concepts/token-types"
    strings:
        $bot = /xox[bpars]-[0-9]{10,13}-[0-9]{10,13}(-[0-9]{10,13})?-[A-Za-z0-9]{24,34}/ fullword
        $app = /xapp-[0-9]-A[A-Z0-9]{8,12}-[0-9]{12,14}-[a-f0-9]{64}/ fullword
    condition:
        any of them
}

rule secret_google_key
{
    meta:
        id = "yara/secret-google-key"
        title = "A key of a Google API"
        severity = "medium"
        confidence = "medium"
        applies = "any"
        cwe = 798
        secret = true
        reference = "https://cloud.google.com/docs/authentication/api-keys"
    strings:
        $api = /AIza[A-Za-z0-9_-]{35}/ fullword
        $client = /GOCSPX-[A-Za-z0-9_-]{28}/ fullword
    condition:
        any of them
}

rule secret_google_service_account
{
    meta:
        id = "yara/secret-google-service-account"
        title = "The key file of a Google service account"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 798
        secret = true
        reference = "https://cloud.google.com/iam/docs/keys-create-delete"
    strings:
        $type = /"type"\s{0,8}:\s{0,8}"service_account"/
        $id = /"private_key_id"\s{0,8}:\s{0,8}"[0-9a-f]{40}"/
        $key = /"private_key"\s{0,8}:\s{0,8}"-----BEGIN PRIVATE KEY-----/
    condition:
        $type and $id and $key
}

rule secret_language_model_key
{
    meta:
        id = "yara/secret-language-model-key"
        title = "A key of a language model service"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 798
        secret = true
        reference = "https://platform.openai.com/docs/api-reference/authentication"
    strings:
        $openai = /sk-([a-z]{2,10}-)?[A-Za-z0-9_-]{20,74}T3BlbkFJ[A-Za-z0-9_-]{20,74}/
        $anthropic = /sk-ant-(api|admin)[0-9]{2}-[A-Za-z0-9_-]{93}AA/ fullword
        $groq = /gsk_[A-Za-z0-9]{52}/ fullword
        $openrouter = /sk-or-v1-[0-9a-f]{64}/ fullword
        $replicate = /r8_[A-Za-z0-9]{37}/ fullword
        $perplexity = /pplx-[A-Za-z0-9]{48}/ fullword
    condition:
        any of them
}

rule secret_package_registry_token
{
    meta:
        id = "yara/secret-package-registry-token"
        title = "A token that publishes packages"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 798
        secret = true
        reference = "https://pypi.org/help/#apitoken"
    strings:
        /* a macaroon for pypi.org or test.pypi.org */
        $pypi = /pypi-AgE(IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,}/
        $npm = /npm_[A-Za-z0-9]{36}/ fullword
        $docker = /dckr_pat_[A-Za-z0-9_-]{27}/ fullword
        $rubygems = /rubygems_[0-9a-f]{48}/ fullword
    condition:
        any of them
}

rule secret_payment_key
{
    meta:
        id = "yara/secret-payment-key"
        title = "A live key of a payment or mail service"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 798
        secret = true
        reference = "https://docs.stripe.com/keys"
    strings:
        $stripe = /(sk|rk)_live_[A-Za-z0-9]{24,99}/ fullword
        $sendgrid = /SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/ fullword
        $mailchimp = /[0-9a-f]{32}-us[0-9]{1,2}/ fullword
        $mailchimp_name = "mailchimp" nocase
        $square = /sq0(atp|csp)-[A-Za-z0-9_-]{22,43}/ fullword
    condition:
        $stripe or $sendgrid or $square or ($mailchimp and $mailchimp_name)
}

rule secret_azure_storage_key
{
    meta:
        id = "yara/secret-azure-storage-key"
        title = "The account key of an Azure storage account"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 798
        secret = true
        reference = "https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string"
    strings:
        $key = /AccountName=[a-z0-9]{3,24};AccountKey=[A-Za-z0-9+\/]{86}==/
        /* the key of the emulator, which is public */
        $emulator = "AccountName=devstoreaccount1;"
    condition:
        #key > #emulator
}

rule secret_data_platform_token
{
    meta:
        id = "yara/secret-data-platform-token"
        title = "A token of a data or experiment platform"
        severity = "high"
        confidence = "medium"
        applies = "any"
        cwe = 798
        secret = true
        reference = "https://docs.databricks.com/dev-tools/auth/pat.html"
    strings:
        $databricks = /dapi[0-9a-f]{32}(-[0-9])?/ fullword
        $kaggle = /\{\s{0,8}"username"\s{0,4}:\s{0,4}"[A-Za-z0-9_-]{3,40}"\s{0,4},\s{0,8}"key"\s{0,4}:\s{0,4}"[0-9a-f]{32}"\s{0,8}\}/
        $wandb = /\b(WANDB_API_KEY|wandb_api_key)["']?\s{0,4}[=:]\s{0,4}["']?[0-9a-f]{40}\b/
        $comet = /\bCOMET_API_KEY["']?\s{0,4}[=:]\s{0,4}["']?[A-Za-z0-9]{25}\b/
    condition:
        any of them
}

rule secret_url_password
{
    meta:
        id = "yara/secret-url-password"
        title = "A database address with a password in it"
        severity = "low"
        confidence = "low"
        applies = "any"
        cwe = 798
        secret = true
        reference = "https://cwe.mitre.org/data/definitions/798.html"
    strings:
        $a = /\b(postgres(ql)?|mysql|mongodb(\+srv)?|redis|amqps?):\/\/[A-Za-z0-9_.-]{1,40}:[A-Za-z0-9_!#$%^*+=.-]{8,80}@[A-Za-z0-9-]{1,60}\.[A-Za-z0-9.-]{3,80}/
    condition:
        $a
}
