/* Places that data is sent to, or that credentials are fetched from. */

rule network_discord_webhook
{
    meta:
        id = "yara/network-discord-webhook"
        title = "A Discord webhook: a place to send stolen data to"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 200
        secret = true
        reference = "https://attack.mitre.org/techniques/T1567/004/"
    strings:
        $a = /discord(app)?\.com\/api\/(v[0-9]{1,2}\/)?webhooks\/[0-9]{17,20}\/[A-Za-z0-9_-]{60,80}/
    condition:
        $a
}

rule network_chat_webhook
{
    meta:
        id = "yara/network-chat-webhook"
        title = "A webhook of a chat service: a place to send stolen data to"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 200
        secret = true
        reference = "https://attack.mitre.org/techniques/T1567/004/"
    strings:
        $slack = /hooks\.slack\.com\/(services\/T[A-Z0-9]{8,12}\/B[A-Z0-9]{8,12}|workflows\/T[A-Z0-9]{8,12}\/A[A-Z0-9]{8,12}\/[0-9]{17,19})\/[A-Za-z0-9]{23,25}/
        $teams = /outlook\.office(365)?\.com\/webhook\/[0-9a-f-]{36}@[0-9a-f-]{36}\/IncomingWebhook\/[0-9a-f]{32}/
        $google = /chat\.googleapis\.com\/v1\/spaces\/[A-Za-z0-9_-]{8,16}\/messages\?key=AIza[A-Za-z0-9_-]{35}/
    condition:
        any of them
}

rule network_telegram_bot
{
    meta:
        id = "yara/network-telegram-bot"
        title = "A Telegram bot with its token: a place to send stolen data to"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 200
        secret = true
        reference = "https://attack.mitre.org/techniques/T1567/"
    strings:
        $a = /api\.telegram\.org\/bot[0-9]{8,10}:[A-Za-z0-9_-]{35}/
    condition:
        $a
}

rule network_out_of_band_callback
{
    meta:
        id = "yara/network-out-of-band-callback"
        title = "An address of a service that records who calls it"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 200
        reference = "https://portswigger.net/burp/documentation/collaborator"
    strings:
        $a = /[a-z0-9]{6,63}\.(oast\.(pro|live|site|online|fun|me)|interact\.sh|burpcollaborator\.net|oastify\.com|dnslog\.cn|ceye\.io|canarytokens\.com|requestrepo\.com)\b/
        $b = /\b(webhook\.site\/[0-9a-f]{8}-[0-9a-f]{4}-|[a-z0-9]{12,20}\.m\.pipedream\.net|[a-z0-9]{6,20}\.x\.pipedream\.net|requestbin\.(com|net)\/r\/)/
    condition:
        any of them
}

rule network_tunnel
{
    meta:
        id = "yara/network-tunnel"
        title = "An address behind a tunnel to somebody's own machine"
        severity = "medium"
        confidence = "medium"
        applies = "any"
        cwe = 200
        reference = "https://attack.mitre.org/techniques/T1572/"
    strings:
        $a = /https?:\/\/[a-z0-9][a-z0-9-]{3,62}\.(ngrok\.(io|app|dev)|ngrok-free\.(app|dev)|trycloudflare\.com|serveo\.net|lhr\.life|localhost\.run|loca\.lt|telebit\.io)\b/
        $b = /tcp:\/\/[0-9]\.tcp\.([a-z]{2}\.)?ngrok\.io:[0-9]{4,5}/
    condition:
        any of them
}

rule network_paste_download
{
    meta:
        id = "yara/network-paste-download"
        title = "A raw text on a paste site, as scripts fetch their second stage from"
        severity = "medium"
        confidence = "medium"
        applies = "any"
        cwe = 494
        reference = "https://attack.mitre.org/techniques/T1102/001/"
    strings:
        $a = /\b(pastebin\.com\/raw\/|paste\.ee\/r\/|hastebin\.com\/raw\/|rentry\.(co|org)\/[a-z0-9]{4,20}\/raw|dpaste\.(com|org)\/[A-Za-z0-9]{4,12}[.\/](txt|raw)|ghostbin\.com\/paste\/[a-z0-9]{4,12}\/raw|0x0\.st\/[A-Za-z0-9]{4}|transfer\.sh\/[A-Za-z0-9]{5,14}\/|file\.io\/[A-Za-z0-9]{12})/
    condition:
        $a
}

rule network_program_from_address
{
    meta:
        id = "yara/network-program-from-address"
        title = "A program or script fetched from a bare IP address"
        severity = "medium"
        confidence = "medium"
        applies = "any"
        cwe = 494
        reference = "https://attack.mitre.org/techniques/T1105/"
    strings:
        $a = /https?:\/\/(1[1-9]|[2-9]|[2-9][0-9]|1[013-9][0-9]|12[0-689]|2[0-4][0-9])(\.[0-9]{1,3}){3}(:[0-9]{2,5})?\/[A-Za-z0-9_\/-]{0,80}[A-Za-z0-9_-]\.(sh|exe|ps1|elf|bin|so|dll|py|pl|vbs|bat|hta|msi)\b/
    condition:
        $a
}

rule network_cloud_credentials
{
    meta:
        id = "yara/network-cloud-credentials"
        title = "The address at which a cloud machine gets its credentials"
        severity = "high"
        confidence = "medium"
        applies = "model"
        cwe = 918
        reference = "https://attack.mitre.org/techniques/T1552/005/"
    strings:
        $aws = "169.254.169.254/latest/"
        $ecs = "169.254.170.2/v2/credentials"
        $any = /\bhttps?:\/\/(169\.254\.169\.254|\[fd00:ec2::254\]|100\.100\.100\.200|169\.254\.170\.2)\b/
        $google = "metadata.google.internal/computeMetadata" nocase
        $azure = "169.254.169.254/metadata/identity"
    condition:
        any of them
}

rule network_cloud_credentials_in_text
{
    meta:
        id = "yara/network-cloud-credentials-in-text"
        title = "A text that names where a cloud machine gets its credentials"
        severity = "low"
        confidence = "medium"
        applies = "text"
        cwe = 918
        reference = "https://attack.mitre.org/techniques/T1552/005/"
    strings:
        $aws = /169\.254\.169\.254\/(latest\/(meta-data\/iam|user-data|dynamic)|metadata\/identity)/
        $ecs = "169.254.170.2/v2/credentials"
        $google = /metadata\.google\.internal\/computeMetadata\/v1\/instance\/service-accounts/
    condition:
        any of them
}

rule network_hidden_service
{
    meta:
        id = "yara/network-hidden-service"
        title = "The address of a Tor hidden service"
        severity = "medium"
        confidence = "high"
        applies = "any"
        cwe = 200
        reference = "https://spec.torproject.org/address-spec.html"
    strings:
        /* version 3 addresses end in the version byte 3: always 'd' in base32 */
        $a = /[a-z2-7]{55}d\.onion/ fullword
    condition:
        $a
}

rule network_exfiltration_command
{
    meta:
        id = "yara/network-exfiltration-command"
        title = "A command line that sends secrets of this machine away"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 200
        reference = "https://attack.mitre.org/techniques/T1048/"
    strings:
        $curl = /\b(curl|wget)\s[^\n]{0,200}(-d|-F|-T|--data[a-z-]{0,10}|--form|--upload-file|--post-file|--post-data)[ =][^\s]{0,60}(\/etc\/(passwd|shadow)|\.ssh\/id_|\.aws\/credentials|\.netrc|\.kube\/config|\.huggingface\/token|huggingface\/token|\$\((env|printenv|whoami|hostname|id)\))/
        $piped = /\b(cat\s[^\n|]{0,60}(\/etc\/(passwd|shadow)|\.ssh\/id_|\.aws\/credentials|\.kube\/config|huggingface\/token)|printenv|env)\s{0,4}\|\s{0,4}(base64[^\n|]{0,20}\|\s{0,4})?(curl|wget|nc|ncat)\s/
    condition:
        any of them
}
