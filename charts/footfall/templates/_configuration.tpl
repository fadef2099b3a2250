{{/* The operator's configuration, as JSON; operator/src/config.ts reads it. The kubelet expands `$(POD_NAME)`, and `$$` to `$`. */}}
{{- define "footfall.configuration" -}}
{{- if gt (int .Values.counter.minimum) (int .Values.counter.maximum) -}}
{{- fail (printf "counter.minimum (%d) must not be above counter.maximum (%d)." (int .Values.counter.minimum) (int .Values.counter.maximum)) -}}
{{- end -}}
{{- $agent := include "footfall.pods" (dict "of" .Values.agent "chart" .Chart) | fromJson -}}
{{- $counter := include "footfall.pods" (dict "of" .Values.counter "chart" .Chart) | fromJson -}}
{{- $counter = merge $counter (pick .Values.counter "provider" "workers" "maxBatch" "streamsPerCounter" "minimum" "maximum") -}}
{{- $_ := set $counter "serviceAccountName" (include "footfall.counter" .) -}}
{{- if ne .Values.counter.provider "cpu" -}}
{{- $gpu := pick .Values.counter.gpu "resource" "count" -}}
{{- with .Values.counter.gpu.runtimeClassName -}}
{{- $_ := set $gpu "runtimeClassName" . -}}
{{- end -}}
{{- $_ := set $counter "gpu" $gpu -}}
{{- end -}}
{{- $operator := pick .Values "watchNamespaces" -}}
{{- $_ := set $operator "namespace" .Release.Namespace -}}
{{- $_ := set $operator "identity" "$(POD_NAME)" -}}
{{- $_ := set $operator "deployment" (include "footfall.operator" .) -}}
{{- $_ := set $operator "workers" .Values.operator.workers -}}
{{- $_ := set $operator "logLevel" .Values.operator.logLevel -}}
{{- $_ := set $operator "cameraNetworks" (dict "allowed" .Values.cameraNetworks "cluster" .Values.clusterNetworks) -}}
{{- $_ := set $operator "agent" $agent -}}
{{- $_ := set $operator "counter" $counter -}}
{{- $_ := set $operator "tls" (include "footfall.tls" . | fromJson) -}}
{{- toJson $operator -}}
{{- end -}}

{{/* The Secret of the counters' certificate, and its lifetimes if the operator issues it. */}}
{{- define "footfall.tls" -}}
{{- with .Values.tls -}}
{{- if and .secretName .certManager.issuerName -}}
{{- fail "tls.secretName and tls.certManager.issuerName must not both be set: each provides the certificate." -}}
{{- end -}}
{{- $tls := dict "secretName" (include "footfall.certificate" $) -}}
{{- if include "footfall.certificateGiven" $ -}}
{{- $_ := set $tls "authoritiesFile" "/var/run/footfall/authorities/ca.crt" -}}
{{- else -}}
{{- if ge (mul 3 .overlapSeconds) (int64 .authoritySeconds) -}}
{{- fail (printf "tls.overlapSeconds (%d) must be below a third of tls.authoritySeconds (%d), after which the old authority expires." (int64 .overlapSeconds) (int64 .authoritySeconds)) -}}
{{- end -}}
{{- range $name := list "certificateSeconds" "authoritySeconds" "overlapSeconds" -}}
{{- $_ := set $tls $name (int64 (index $.Values.tls $name)) -}}
{{- end -}}
{{- end -}}
{{- toJson $tls -}}
{{- end -}}
{{- end -}}

{{/* Empty if the operator issues the certificate. */}}
{{- define "footfall.certificateGiven" -}}
{{- .Values.tls.secretName | default .Values.tls.certManager.issuerName -}}
{{- end -}}

{{/* The Secret that counters mount. cert-manager must not take over the one that the operator fills, so its Secret has another name. */}}
{{- define "footfall.certificate" -}}
{{- if .Values.tls.certManager.issuerName -}}
footfall-counter-issued
{{- else -}}
{{- .Values.tls.secretName | default "footfall-counter-tls" -}}
{{- end -}}
{{- end -}}

{{/* The part that agents and counters have in common. Takes {of, chart}. The operator has defaults for empty values. Each `$`
is doubled: a `$(NAME)` in an agent's environment refers to the agent's pod, not to the operator's. */}}
{{- define "footfall.pods" -}}
{{- $pods := dict "image" (include "footfall.image" (dict "image" .of.image "chart" .chart)) "imagePullPolicy" .of.image.pullPolicy -}}
{{- $pods = merge $pods (pick .of "imagePullSecrets" "logLevel" "nodeSelector" "tolerations" "affinity" "podAnnotations" "podLabels" "extraEnv") -}}
{{- range $name := list "priorityClassName" "runtimeClassName" -}}
{{- with get $.of $name -}}
{{- $_ := set $pods $name . -}}
{{- end -}}
{{- end -}}
{{- if .of.resources -}}
{{- $resources := dict -}}
{{- range $kind, $quantities := .of.resources -}}
{{- $texts := dict -}}
{{- range $name, $quantity := $quantities -}}
{{- $_ := set $texts $name (kindIs "string" $quantity | ternary $quantity (int64 $quantity | toString)) -}}
{{- end -}}
{{- $_ := set $resources $kind $texts -}}
{{- end -}}
{{- $_ := set $pods "resources" $resources -}}
{{- end -}}
{{- toJson $pods | replace "$" "$$" -}}
{{- end -}}
