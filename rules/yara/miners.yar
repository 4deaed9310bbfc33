/* Mining of currencies on somebody else's machine. */

rule miner_pool_address
{
    meta:
        id = "yara/miner-pool-address"
        title = "The address of a mining pool"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1496/"
    strings:
        $stratum = /stratum\+(tcp|ssl|tls|udp)[12]?:\/\/[A-Za-z0-9.-]{4,100}:[0-9]{2,5}/
        $pool = /\b([a-z0-9-]{1,20}\.)?(minexmr\.com|supportxmr\.com|moneroocean\.stream|hashvault\.pro|nanopool\.org|2miners\.com|c3pool\.(com|org)|xmrpool\.eu|herominers\.com|unmineable\.com|nicehash\.com|miningocean\.org):[0-9]{2,5}/
    condition:
        any of them
}

rule miner_software
{
    meta:
        id = "yara/miner-software"
        title = "A program that mines, or its configuration"
        severity = "high"
        confidence = "medium"
        applies = "any"
        cwe = 506
        reference = "https://attack.mitre.org/techniques/T1496/"
    strings:
        $name = /\b(xmrig|xmr-stak|cpuminer|minerd|ccminer|t-rex|lolminer|nbminer|phoenixminer|teamredminer|srbminer)\b/ nocase
        $donate = /donate[-_](level|over-proxy)/
        $algorithm = /\b(randomx|cryptonight|kawpow|ethash|rx\/0|cn-heavy|argon2\/chukwa)\b/ nocase
        $option = /\s(-o|--url)[ =](stratum|pool\.|[a-z0-9.-]{4,60}:[0-9]{4,5}\s{1,4}-u\s)/
        $json = /"(pools|rig-id|nicehash|keepalive)"\s{0,4}:/
    condition:
        $name and 2 of ($donate, $algorithm, $option, $json)
}

rule miner_wallet
{
    meta:
        id = "yara/miner-wallet"
        title = "A Monero address that earnings are to be paid to"
        severity = "medium"
        confidence = "medium"
        applies = "any"
        cwe = 506
        reference = "https://docs.getmonero.org/public-address/standard-address/"
    strings:
        $wallet = /(wallet|monero|xmr|address|--user|"user"|login)["']?\s{0,4}[:= ]\s{0,4}["']?[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93}\b/ nocase
    condition:
        $wallet
}
