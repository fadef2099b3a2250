{{/* What the operator is told, as JSON; operator/src/config.ts reads it. `$(POD_NAME)` is filled in by the kubelet. */}}
{{- define "footfall.configuration" -}}
{{- if gt (int .Values.counter.minimum) (int .Values.counter.maximum) -}}
{{- fail (printf "counter.minimum (%d) must not be above counter.maximum (%d)." (int .Values.counter.minimum) (int .Values.counter.maximum)) -}}
{{- end -}}
{{- $agent := include "footfall.pods" (dict "of" .Values.agent "chart" .Chart) | fromJson -}}
{{- $counter := include "footfall.pods" (dict "of" .Values.counter "chart" .Chart) | fromJson -}}
{{- $counter = merge $counter (pick .Values.counter "provider" "workers" "maxBatch" "streamsPerCounter" "minimum" "maximum" "nodeSelector" "tolerations") -}}
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
{{- toJson $operator -}}
{{- end -}}

{{/* What agents and counters have in common. Takes {of, chart}. What is left empty is the operator's to choose. */}}
{{- define "footfall.pods" -}}
{{- $pods := dict "image" (include "footfall.image" (dict "image" .of.image "chart" .chart)) "imagePullPolicy" .of.image.pullPolicy -}}
{{- $_ := set $pods "imagePullSecrets" .of.imagePullSecrets -}}
{{- $_ := set $pods "logLevel" .of.logLevel -}}
{{- with .of.priorityClassName -}}
{{- $_ := set $pods "priorityClassName" . -}}
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
{{- toJson $pods -}}
{{- end -}}
