suppressMessages({library(survival);library(MatchIt);library(jsonlite)}); stopifnot(packageVersion("MatchIt")>="4.7.2")
r<-read.csv("rotterdam.csv"); d<-subset(r,nodes>0); rownames(d)<-d$pid
d$rfs<-pmax(d$recur,d$death); d$rfstime<-ifelse(d$recur==1,d$rtime,d$dtime)
f<-hormon~year+age+meno+size+grade+nodes+pgr+er+chemo
hr<-function(c){s<-summary(c);ci<-s$conf.int[1,c(1,3,4)];round(unname(ci),7)}
R<-list(note="Node-positive patients, sorted by pid; RFS: event recurrence or death, time rtime if recurred else dtime; grade and chemo numeric as in the file, size a factor",n=table(d$hormon),
 unadjusted=list(os=hr(coxph(Surv(dtime,death)~hormon,d)),rfs=hr(coxph(Surv(rfstime,rfs)~hormon,d)),logrank_os=survdiff(Surv(dtime,death)~hormon,d)$chisq,logrank_rfs=survdiff(Surv(rfstime,rfs)~hormon,d)$chisq),
 multivariable=list(os=hr(coxph(update(f,Surv(dtime,death)~hormon+.),d)),rfs=hr(coxph(update(f,Surv(rfstime,rfs)~hormon+.),d))),
 reverse_km=lapply(0:1,function(a) unname(summary(survfit(Surv(dtime,1-death)~1,d[d$hormon==a,]))$table["median"])))
for(o in c("closest","largest")) {m<-matchit(f,d,method="nearest",distance="glm",link="linear.logit",caliper=.2,m.order=o); md<-match.data(m); k<-!is.na(m$match.matrix)
 x<-d[d$pid %in% md$pid,]; smd<-function(v,dd){a<-dd[dd$hormon==1,v];b<-dd[dd$hormon==0,v];(mean(a)-mean(b))/sqrt((var(a)+var(b))/2)}
 R[[paste0("matched_",o)]]<-list(pairs=sum(k),caliper_width=unname(m$caliper[1]),treated=rownames(m$match.matrix)[k],control=m$match.matrix[k],os=hr(coxph(Surv(dtime,death)~hormon,md,cluster=subclass)),rfs=hr(coxph(Surv(rfstime,rfs)~hormon,md,cluster=subclass)),
  os_naive=hr(coxph(Surv(dtime,death)~hormon,md)),smd_matched_sd=sapply(c("year","age","meno","grade","nodes","pgr","er","chemo"),smd,dd=md),smd_before=sapply(c("year","age","meno","grade","nodes","pgr","er","chemo"),smd,dd=d),
  km_os=as.data.frame(summary(survfit(Surv(dtime,death)~hormon,md,conf.type="log-log"))$table[,c("records","events","median","0.95LCL","0.95UCL")]))}
write_json(R,"expected.json",auto_unbox=TRUE,digits=10,pretty=TRUE,null="null",na="null",force=TRUE)
str(R[c("n","unadjusted","multivariable","reverse_km")]); for(o in c("closest","largest")){x<-R[[paste0("matched_",o)]];cat(o,x$pairs,x$caliper_width,"OS",x$os,"RFS",x$rfs,"naive",x$os_naive,"\n");print(round(x$smd_before,3));print(round(x$smd_matched_sd,3));print(x$km_os)}
