{{/* Names, labels, images. The name of the pool and the labels of its pods are constants of the operator. */}}

{{- define "footfall.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" (.Release.Name | trunc 31 | trimSuffix "-") .Chart.Name -}}
{{- end -}}
{{- end -}}

{{- define "footfall.operator" -}}
{{- include "footfall.fullname" . }}-operator
{{- end -}}

{{- define "footfall.counter" -}}
{{- include "footfall.fullname" . }}-counter
{{- end -}}

{{- define "footfall.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: footfall
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Selects the operator's pods. A selector is immutable. */}}
{{- define "footfall.operatorSelector" -}}
app.kubernetes.io/name: footfall
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* These select the pods that the operator creates; see operator/src/objects/labels.ts. */}}
{{- define "footfall.counterSelector" -}}
app.kubernetes.io/name: footfall
app.kubernetes.io/component: counter
app.kubernetes.io/managed-by: footfall
{{- end -}}

{{- define "footfall.agentSelector" -}}
app.kubernetes.io/name: footfall
app.kubernetes.io/component: edge-agent
app.kubernetes.io/managed-by: footfall
{{- end -}}

{{/* Selects the pod of `helm test`. */}}
{{- define "footfall.testSelector" -}}
app.kubernetes.io/name: footfall
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{- end -}}

{{/* Takes {image, chart}. */}}
{{- define "footfall.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (.image.tag | default .chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* For Pod Security `restricted`: of a pod, and of a container. The user is that of the images. */}}
{{- define "footfall.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "footfall.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
