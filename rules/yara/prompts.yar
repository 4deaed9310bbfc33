/* Templates that reach out of their language, and text that is meant for the model and not
   for whoever reads it.  Chat templates are code: every server renders them. */

rule template_python_internals
{
    meta:
        id = "yara/template-python-internals"
        title = "A template that reaches for Python's internals"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 1336
        reference = "https://jinja.palletsprojects.com/en/stable/sandbox/"
    strings:
        $expression = /\{[{%][^\n]{0,240}\b__(globals|subclasses|mro|builtins|import|bases|loader|init|reduce|reduce_ex|getattribute|code|closure)__[^\n]{0,240}[}%]\}/
        $item = /\{[{%][^\n]{0,240}\[\\?['"]__(globals|subclasses|mro|builtins|import|bases|class|init)__/
    condition:
        any of them
}

rule template_attribute_filter
{
    meta:
        id = "yara/template-attribute-filter"
        title = "A template that hides which attribute it wants"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 1336
        reference = "https://jinja.palletsprojects.com/en/stable/templates/#jinja-filters.attr"
    strings:
        $name = /\|\s{0,4}attr\s{0,4}\(\s{0,4}\\?['"](__|\\{1,2}x5f|\\{1,2}u005f)/
        $joined = /\|\s{0,4}attr\s{0,4}\(\s{0,4}(\[|\(|\\?['"]_{0,2}\\?['"]\s{0,2}[~+])/
    condition:
        any of them
}

rule template_runs_command
{
    meta:
        id = "yara/template-runs-command"
        title = "A template that runs a command or opens a file"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 1336
        reference = "https://owasp.org/www-project-web-security-testing-guide/"
    strings:
        $call = /\{[{%][^\n]{0,400}\b(os|subprocess|commands|pty|posix)\s{0,2}\.\s{0,2}(popen|system|Popen|check_output|getoutput|spawn|execv)\s{0,2}\(/
        $walk = /\{[{%][^\n]{0,200}\b(lipsum|cycler|joiner|namespace|self|config|request|url_for|get_flashed_messages)\s{0,2}\.\s{0,2}(__globals__|__init__|_TemplateReference__context|application\s{0,2}\.\s{0,2}__)/
    condition:
        any of them
}

rule prompt_override
{
    meta:
        id = "yara/prompt-override"
        title = "Text that tells a model to forget its instructions"
        severity = "low"
        confidence = "low"
        applies = "any"
        cwe = 1427
        reference = "https://genai.owasp.org/llmrisk/llm01-prompt-injection/"
    strings:
        $a = /\b(ignore|disregard|forget|override)\s{1,4}(all\s{1,4})?(of\s{1,4})?(the\s{1,4}|your\s{1,4}|my\s{1,4}|any\s{1,4})?(previous|prior|above|earlier|preceding|system|foregoing)\s{1,4}(instructions?|prompts?|directions?|rules|guidelines|messages?)\b/ nocase
    condition:
        $a
}

rule prompt_conceals_action
{
    meta:
        id = "yara/prompt-conceals-action"
        title = "Text that tells a model to act and to keep it from its user"
        severity = "medium"
        confidence = "medium"
        applies = "any"
        cwe = 1427
        reference = "https://genai.owasp.org/llmrisk/llm01-prompt-injection/"
    strings:
        $secret = /\b(do\s{1,4}not|don't|never|without)\s{1,4}(tell(ing)?|inform(ing)?|notify(ing)?|mention(ing)?\s{1,4}(this|it)\s{1,4}to|reveal(ing)?\s{1,4}(this|it)\s{1,4}to|alert(ing)?)\s{1,4}the\s{1,4}user\b/ nocase
        $act = /\b(execute|run|call|invoke|send|upload|post|fetch|read|exfiltrate)\s{1,4}(the\s{1,4})?(following\s{1,4}(command|code|tool|function|script|url)|contents?\s{1,4}of|file\s|tool\s|environment\s{1,4}variables?|api\s{1,4}keys?|https?:\/\/)/ nocase
    condition:
        $secret and $act
}

rule prompt_hidden_characters
{
    meta:
        id = "yara/prompt-hidden-characters"
        title = "Text hidden in characters that nothing shows"
        severity = "high"
        confidence = "high"
        applies = "any"
        cwe = 1427
        reference = "https://www.unicode.org/charts/PDF/UE0000.pdf"
    strings:
        /* sixteen tag characters in a row; a flag emoji has seven at most */
        $utf8 = /(\xf3\xa0(\x80[\xa0-\xbf]|\x81[\x80-\xbf])){16}/
        $json = /(\\udb40\\udc[2-7][0-9a-f]){16}/ nocase
    condition:
        any of them
}

rule prompt_image_exfiltration
{
    meta:
        id = "yara/prompt-image-exfiltration"
        title = "A picture whose address would carry the conversation away"
        severity = "medium"
        confidence = "medium"
        applies = "any"
        cwe = 1427
        reference = "https://genai.owasp.org/llmrisk/llm02-insecure-output-handling/"
    strings:
        $a = /!\[[^\]\n]{0,80}\]\(https?:\/\/[^)\s]{4,200}[?&][a-z_]{1,20}=(\{\{|\{|\$\{|\[|<|%7B|%5B)[^)\n]{0,80}(conversation|history|chat|messages?|summary|secret|password|api.?key|prompt|context|data)/ nocase
    condition:
        $a
}

rule prompt_fake_turn
{
    meta:
        id = "yara/prompt-fake-turn"
        title = "A chat template that puts a turn of its own in for the system"
        severity = "medium"
        confidence = "low"
        applies = "any"
        cwe = 1427
        reference = "https://huggingface.co/docs/transformers/chat_templating"
    strings:
        /* a condition on what the user wrote, inside of a chat template */
        $trigger = /\{%-?\s{0,4}(el)?if\s[^%\n]{0,80}\\?['"][^'"%\n\\]{4,80}\\?['"]\s{1,4}in\s{1,4}(messages?(\[[^\]\n]{1,20}\])?|m|msg)(\[\\?['"]content\\?['"]\]|\.content)/
        $role = /(<\|im_start\|>|<\|start_header_id\|>|\[INST\]|<\|system\|>|<start_of_turn>)/
    condition:
        $trigger and $role
}
